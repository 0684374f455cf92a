from dataclasses import replace

import pytest

from auth_server.errors import InvalidScope
from auth_server.people import Family
from auth_server.rules.oauth21_refresh_token import (
    GRACE,
    IDLE,
    first,
    is_idle,
    judge,
    narrow,
    permission_of,
    rotate,
    successor,
)

NAME, KEY, NOW = "0" * 32, "ab" * 32, 1_000


def _family() -> tuple[str, Family]:
    return first(NAME, b"s" * 32, key=KEY, now=NOW)


@pytest.mark.requirement("AS-28")
def test_the_first_counts_until_its_successor_does() -> None:
    token, family = _family()
    assert judge(token, family, now=NOW) == "good"
    later = rotate(token, family, now=NOW)
    assert judge(successor(token, family), later, now=NOW) == "good"
    assert judge(token, later, now=NOW + GRACE) == "lost"
    assert judge(token, later, now=NOW + GRACE + 1) == "retired"
    assert judge(token, later, now=NOW - 1) == "retired"


@pytest.mark.requirement("AS-28")
def test_an_older_one_is_retired_at_once() -> None:
    token, family = _family()
    second = successor(token, family)
    family = rotate(second, rotate(token, family, now=NOW), now=NOW)
    assert judge(second, family, now=NOW) == "lost"
    assert judge(token, family, now=NOW) == "retired"


@pytest.mark.requirement("AS-28", "AS-41")
def test_nobody_makes_a_token_without_the_one_before_and_the_key() -> None:
    token, family = _family()
    assert len(successor(token, family)) == len(NAME) + 1 + 64
    assert successor(token, replace(family, key="cd" * 32)) != successor(token, family)
    assert successor(token + "x", family) != successor(token, family)


@pytest.mark.requirement("AS-28")
@pytest.mark.parametrize("invented", ["", "x", f"{NAME}.", f"{NAME}." + "A" * 64, f"{NAME}.é", f"{NAME}.A"])
def test_an_invented_one_is_unknown(invented: str) -> None:
    assert judge(invented, _family()[1], now=NOW) == "unknown"


@pytest.mark.requirement("AS-29")
def test_a_family_is_idle_after_its_time() -> None:
    family = _family()[1]
    assert not is_idle(family, now=NOW + IDLE)
    assert is_idle(family, now=NOW + IDLE + 1)


@pytest.mark.requirement("AS-29")
def test_scopes_narrow_and_never_widen() -> None:
    implies = {"write": frozenset({"read"})}
    assert narrow((), ("write",), implies) == ("write",)
    assert narrow(("read",), ("write",), implies) == ("read",)
    with pytest.raises(InvalidScope):
        narrow(("write",), ("read",), implies)


@pytest.mark.parametrize("text", ["", NAME, f"{NAME[1:]}.x", f"{NAME}0.x", f"{'g' * 32}.x", "a||b.x"])
def test_what_names_no_permission_is_looked_up_nowhere(text: str) -> None:
    assert permission_of(text) is None
    assert permission_of(f"{NAME}.x") == NAME
