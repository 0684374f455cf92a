from collections.abc import Mapping

import pytest

from sidecar.audit import FIELDS, Audit, decision
from sidecar.trace import Trace, enter, leave

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_an_event_has_the_same_order_everywhere_and_nothing_empty() -> None:
    said = decision(scope=("mcp:read", "mcp:write"), actors=(), outcome="exchanged", subject="u-grace", reason="")
    assert list(said.items()) == [("outcome", "exchanged"), ("subject", "u-grace"), ("scope", "mcp:read mcp:write")]
    assert len(set(FIELDS)) == len(FIELDS)


def test_a_name_that_no_other_app_knows_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="access_token"):
        decision(outcome="issued", access_token="x")


def test_whoever_listens_hears_every_event_in_order_with_its_trace() -> None:
    heard: list[tuple[str, Mapping[str, str]]] = []
    audit = Audit([lambda event, said: heard.append((event, said))])
    audit.tell("token", decision(outcome="issued"))
    reset = enter(Trace(TRACE, "00f067aa0ba902b7"))
    try:
        audit.tell("tool", decision(outcome="called"))
    finally:
        leave(reset)
    assert heard == [("token", {"outcome": "issued"}), ("tool", {"outcome": "called", "trace_id": TRACE})]
