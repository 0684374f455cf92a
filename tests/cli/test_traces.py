"""One question through agent, authorization server and tool server is one trace, in spans and in events, no secret."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from tests.cli.conftest import MODES
from tests.collector import Collector, Seen, collecting

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
APPS = ("auth-server", "notes", "researcher")
SERVER, CLIENT = 2, 3


def eventually(found: Callable[[], Any], seconds: float = 60) -> Any:
    until = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < until
        time.sleep(0.1)
    return value


def asked(world: Any, **headers: str) -> str:
    """Somebody asks the researcher for the notes; the token that it took."""
    token = world.ok("token", "researcher", "--client", "operator").strip()
    sent = {"authorization": f"Bearer {token}", **headers}
    question = {"input": "List all notes.", "stream": False}
    answer = httpx2.post(f"{world.urls['researcher']}/ask?code=sesame", json=question, headers=sent, timeout=120)
    assert answer.status_code == 200, answer.text
    assert "list_notes" in answer.text
    return token


def whole(collector: Collector) -> list[Seen]:
    """The trace, once every app has told its part."""
    spans = collector.of(TRACE)
    done = {(span.service, span.name) for span in spans if span.kind == SERVER}
    return (
        spans if {("researcher", "POST /ask"), ("auth-server", "POST /token"), ("notes", "POST /mcp")} <= done else []
    )


@pytest.mark.requirement("ALL-01")
@pytest.mark.parametrize("mode", MODES)
def test_one_question_is_one_trace_of_every_app_without_a_secret(world: Any, mode: str) -> None:
    with collecting() as collector:
        told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        seen = replace(world, environ={**world.environ, **told})
        with seen.up(*APPS, f"--{mode}") as up:
            token = asked(seen, traceparent=f"00-{TRACE}-{CALLER}-01")
            spans = eventually(lambda: whole(collector))
    by_id = {span.span_id: span for span in collector.of(TRACE)}
    assert {span.service for span in spans} >= set(APPS)
    for span in spans:
        if span.kind == SERVER and span.service == "researcher":
            assert span.parent == CALLER
        elif span.service in APPS and mode == "embedded":  # what is between two apps is theirs alone
            assert by_id[span.parent].service == (span.service if span.kind == CLIENT else "researcher"), span
    called = next(span for span in spans if span.attributes.get("daca.tool") == "list_notes")
    assert (called.attributes["daca.outcome"], called.attributes["http.response.status_code"]) == ("called", 200)
    log = up.log.read_text()
    events = [json.loads(line) for line in re.findall(r"\{.*\}", log) if f'"trace_id":"{TRACE}"' in line]
    assert {event["app"] for event in events} >= {"auth-server", "notes"}
    everything = json.dumps(collector.raw) + log
    secrets = json.loads((seen.data / "secrets.json").read_text())
    for secret in [value for keys in secrets.values() for value in keys.values()] + token.split("."):
        assert secret not in everything
    assert "sesame" not in json.dumps(collector.raw)


def test_without_a_collector_the_events_of_a_request_have_its_trace_all_the_same(world: Any) -> None:
    with world.up(*APPS, "--embedded") as up:
        asked(world, traceparent=f"00-{TRACE}-{CALLER}-01")
        asked(world)
    events = [json.loads(line) for line in re.findall(r"\{.*\}", up.log.read_text())]
    events = [event for event in events if event["event"] in {"token", "tool"} and "trace_id" in event]
    told = {event["app"] for event in events if event["trace_id"] == TRACE}
    assert told == {"auth-server", "notes"}
    begun = {event["trace_id"] for event in events if event["app"] == "notes"} - {TRACE}
    assert len(begun) == 1, "a question without a trace begins one"
