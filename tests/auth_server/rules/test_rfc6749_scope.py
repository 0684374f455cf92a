import pytest

from auth_server.errors import InvalidScope
from auth_server.rules.rfc6749_scope import choose, expand, split


def test_scopes_are_split_at_single_spaces_and_counted_once() -> None:
    assert split(None) == ()
    assert split("b a b") == ("b", "a")


@pytest.mark.parametrize("scope", ["", " ", "a  b", " a", "a ", "a\tb", 'a"', "a\\", "ä", "a\x7f"])
def test_a_malformed_scope_is_refused(scope: str) -> None:
    with pytest.raises(InvalidScope):
        split(scope)


def test_a_scope_brings_what_it_implies() -> None:
    assert expand(["write"], {"write": frozenset({"read"})}) == {"write", "read"}
    assert expand(["other"], {"write": frozenset({"read"})}) == {"other"}


def test_all_that_was_asked_is_granted_or_nothing() -> None:
    assert choose(("read",), within={"read", "write"}, default=["write"]) == ("read",)
    with pytest.raises(InvalidScope, match="delete"):
        choose(("read", "delete"), within={"read"}, default=["read"])


def test_without_a_scope_the_default_within_the_allowed_is_granted() -> None:
    assert choose((), within={"read"}, default=["read", "write"]) == ("read",)
    for default in ([], ["write"]):
        with pytest.raises(InvalidScope):
            choose((), within={"read"}, default=default)
