import pytest

from resource_server.rules.rfc6749_scope import check_scope_names, closure_of, union_of, with_implied

IMPLIES = {"admin": ("write", "delete"), "write": ("read",)}


@pytest.mark.requirement("RS-21")
def test_a_broader_scope_implies_the_narrower_ones_however_far() -> None:
    closure = closure_of(IMPLIES)

    assert with_implied(frozenset({"admin"}), closure) == {"admin", "write", "delete", "read"}
    assert with_implied(frozenset({"write", "x"}), closure) == {"write", "read", "x"}
    assert with_implied(frozenset({"read"}), closure) == {"read"}
    assert with_implied(frozenset(), closure) == frozenset()


def test_scopes_that_imply_each_other_end() -> None:
    assert closure_of({"a": ("b",), "b": ("a",)}) == {"a": {"a", "b"}, "b": {"a", "b"}}


def test_a_union_keeps_the_order_and_repeats_nothing() -> None:
    assert union_of(("read",), ("write", "read")) == ("read", "write")


@pytest.mark.parametrize("name", ["", "two words", 'quo"te', "back\\slash", "é", "line\n"])
def test_what_is_no_scope_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a scope"):
        check_scope_names(["mcp:read", name])
