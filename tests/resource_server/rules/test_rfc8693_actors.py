from typing import Any

import pytest

from resource_server.rules.rfc8693_actors import actors_of

# The example of §4.1: consumer.example.com-web-application acts through the mobile application.
NESTED = {"sub": "u1", "act": {"sub": "client:scribe", "act": {"sub": "client:concierge"}}}


def test_the_latest_actor_comes_first() -> None:
    assert actors_of(NESTED) == ("client:scribe", "client:concierge")


def test_nobody_acts_where_the_subject_does_so_itself() -> None:
    assert actors_of({"sub": "u1"}) == ()


@pytest.mark.parametrize("act", ["client:scribe", ["client:scribe"], 5, None, True])
def test_an_act_that_is_no_object_names_nobody(act: Any) -> None:
    assert actors_of({"sub": "u1", "act": act}) == ()


@pytest.mark.parametrize("name", [None, 5, ["client:scribe"], {"sub": "x"}])
def test_an_actor_without_a_name_is_still_somebody(name: Any) -> None:
    assert actors_of({"act": {"sub": name, "act": {"sub": "client:concierge"}}}) == ("?", "client:concierge")


def test_a_chain_without_end_is_cut() -> None:
    act: dict[str, Any] = {"sub": "client:last"}
    for _ in range(100):
        act = {"sub": "client:again", "act": act}
    assert len(actors_of({"act": act})) == 16
