from collections.abc import Callable, Mapping

import pytest

from resource_server import Decision
from resource_server.caller import Caller
from sidecar import doors
from sidecar.audit import FIELDS, Audit, decision
from sidecar.doors import told_to
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


def test_each_caller_and_each_tool_has_an_event_of_its_own_however_often_they_come() -> None:
    heard: list[Mapping[str, str]] = []
    tell = told_to(Audit([lambda _, said: heard.append(said)]))
    callers = [_caller(name) for name in ("ada", "grace")]
    for _ in range(2):
        for caller in callers:
            for tool in ("read_note", "write_note"):
                tell(_called(caller, tool))
        tell(_called(callers[0], "read_note", error="insufficient_scope"))

    seen = [(said["subject"], said["tool"], said["outcome"]) for said in heard]
    once = [(name, tool, "called") for name in ("ada", "grace") for tool in ("read_note", "write_note")]
    assert seen == [*once, ("ada", "read_note", "insufficient_scope")] * 2


def test_calls_are_remembered_up_to_a_bound_and_what_was_refused_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_MOST", 2)
    written: list[str] = []

    class Counting(Audit):
        def telling(self, event: str, said: Mapping[str, str]) -> Callable[[], None]:
            written.append(f"{said['subject']} {said['outcome']}")
            return super().telling(event, said)

    tell = told_to(Counting())
    ada, grace, eve = (_called(_caller(name), "read_note") for name in ("ada", "grace", "eve"))
    refused = _called(_caller("ada"), "read_note", error="insufficient_scope")
    for made in (ada, ada, grace, grace, refused, refused, eve, eve, ada):
        tell(made)
    again = ["ada insufficient_scope"] * 2
    assert written == ["ada called", "grace called", *again, "eve called", "ada called"]


def _caller(subject: str) -> Caller:
    return Caller(subject=subject, client_id="desk", scopes=frozenset({"mcp:read"}), claims={"jti": subject}, token="-")


def _called(caller: Caller, tool: str, error: str = "") -> Decision:
    return Decision(
        resource="http://localhost:8000/mcp", method="POST", path="/mcp", error=error, caller=caller, tool=tool
    )
