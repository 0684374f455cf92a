"""What a span tells of a request and of a call, and what never."""

import contextlib
import json
import signal
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sidecar.at_once import Reply, Scope, at_once_of
from sidecar.audit import Audit, decision
from sidecar.spans import Spans
from sidecar.trace import current
from tests.collector import Collector, Seen, collecting
from tests.sidecar.test_metrics import get, running

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Generator[Collector]:
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.endpoint)
        yield found


async def answered(collector: Collector, status: int, path: str = "/mcp", **said: Any) -> Seen:
    """The span of a request that is answered so; `said` says what the app does meanwhile."""
    spans = Spans("notes")

    async def app(_scope: Mapping[str, Any], _receive: object, send: Any) -> None:
        if audit := said.get("audit"):
            Audit([spans.hear]).tell("tool", audit)
        if error := said.get("error"):
            raise error
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def send(_message: object) -> None:
        return None

    headers = [(b"traceparent", f"00-{TRACE}-{CALLER}-01".encode()), (b"authorization", b"Bearer sesame-sesame")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"code=sesame", "headers": headers}
    with contextlib.suppress(ValueError):
        await spans.around(app)(scope, None, send)
    spans.end()
    assert "sesame" not in json.dumps(collector.raw)
    (span,) = collector.spans
    return span


async def test_a_request_is_a_span_of_its_caller_s_trace_with_the_decision_on_it(collector: Collector) -> None:
    audit = decision(outcome="called", tool="list_notes", reason="at eyJhbGciOiJFUzI1NiJ9.sesame.sesame")
    span = await answered(collector, 200, audit=audit)
    assert (span.service, span.name, span.trace_id, span.parent) == ("notes", "POST /mcp", TRACE, CALLER)
    assert span.attributes == {
        "http.request.method": "POST",
        "url.path": "/mcp",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "http.response.status_code": 200,
        "daca.event": "tool",
        "daca.outcome": "called",
        "daca.reason": "at [hidden]",
        "daca.tool": "list_notes",
    }


async def test_a_path_that_is_not_there_names_no_span(collector: Collector) -> None:
    assert (await answered(collector, 404, path="/anything")).name == "POST"


async def test_an_error_is_told_by_its_type_alone(collector: Collector) -> None:
    span = await answered(collector, 0, error=ValueError("client_secret=sesame"))
    assert span.attributes["error.type"] == "ValueError"


async def test_a_call_is_a_span_that_the_other_side_continues(collector: Collector) -> None:
    spans = Spans("researcher")
    sent: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.headers["traceparent"])
        return httpx2.Response(401)

    async with httpx2.AsyncClient(transport=spans.outgoing(httpx2.MockTransport(answer))) as http:
        await http.post("http://ada:sesame@localhost:9000/token?code=sesame", content=b"secret=sesame")
    spans.end()
    assert "sesame" not in json.dumps(collector.raw)
    (span,) = collector.spans
    assert [header[:-2] for header in sent] == [f"00-{span.trace_id}-{span.span_id}-"]
    assert int(sent[0][-2:], 16) & 1, "recorded here, so that it is recorded there"
    assert span.attributes["url.full"] == "http://localhost:9000/token"
    assert (span.name, span.attributes["http.response.status_code"], span.attributes["error.type"]) == (
        "POST",
        401,
        "401",
    )


async def test_what_is_answered_at_once_is_a_span_too_and_what_is_declined_has_its_own_on_the_whole_way(
    collector: Collector,
) -> None:
    class Prompt:
        def at_once(self, scope: Scope, body: bytes) -> Reply | None:
            Audit([spans.hear]).tell("token", decision(outcome="issued"))
            return (200, (), body) if scope["path"] == "/token" else None

        async def __call__(self, _scope: object, _receive: object, send: Any) -> None:
            await send({"type": "http.response.start", "status": 400, "headers": []})

    async def send(_message: object) -> None:
        return None

    spans = Spans("auth-server")
    around = spans.around(Prompt())
    ask = at_once_of(around)
    assert ask is not None
    headers = [(b"traceparent", f"00-{TRACE}-{CALLER}-01".encode())]
    for path, reply in (("/token", (200, (), b"a")), ("/other", None)):
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        assert ask(scope, b"a") == reply
        assert current() is None
        if reply is None:
            await around(scope, None, send)
    spans.end()
    told = [(one.name, one.parent, one.attributes["http.response.status_code"]) for one in collector.spans]
    assert told == [("POST /token", CALLER, 200), ("POST /other", CALLER, 400)]
    assert [one.attributes.get("daca.outcome") for one in collector.spans] == ["issued", None]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_asking_how_an_app_is_is_no_span(collector: Collector, path: str) -> None:
    spans, found = Spans("notes"), list[object]()

    async def app(_scope: object, _receive: object, _send: object) -> None:
        found.append(current())

    await spans.around(app)({"type": "http", "method": "GET", "path": path, "headers": []}, None, None)
    spans.end()
    assert (found, collector.spans) == ([None], [])


def test_an_app_whose_collector_is_away_serves_and_ends_all_the_same(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    port, nobody = unused_tcp_port_factory(), unused_tcp_port_factory()
    with running(port, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{nobody}") as process:
        assert get(port).status_code == 201
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert time.monotonic() - began < 60
