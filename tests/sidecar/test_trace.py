import re
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from sidecar.at_once import Reply, Scope
from sidecar.trace import Trace, Traced, TracedTransport, begun, current, enter, leave, trace_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


async def during(*headers: tuple[bytes, bytes]) -> Trace:
    """The trace that a request with these headers is answered in."""
    found: list[Trace | None] = []

    async def app(_scope: Mapping[str, Any], _receive: object, _send: object) -> None:
        found.append(current())

    await Traced(app)({"type": "http", "headers": [(b"host", b"x"), *headers]}, None, None)
    assert current() is None
    assert found[0] is not None
    return found[0]


async def sent(**headers: str) -> httpx2.Headers:
    """What arrives of a call with these headers."""
    arrived: list[httpx2.Headers] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        arrived.append(request.headers)
        return httpx2.Response(200)

    transport = TracedTransport(httpx2.MockTransport(answer))
    async with httpx2.AsyncClient(transport=transport, headers=headers) as http:
        await http.get("http://localhost:9000/")
    return arrived[0]


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what", True),
        (f"cc-{TRACE}-{SPAN}-01what", False),
        (f"00-{TRACE}-{SPAN}-01-what", False),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
        (f"00-{TRACE[1:]}-{SPAN}-01", False),
        (f"00-{TRACE}-{SPAN}-1", False),
        (f"0-{TRACE}-{SPAN}-01", False),
        (f"00-{TRACE}-{SPAN}-01\n", False),
        ("", False),
    ],
)
def test_a_trace_is_known_by_its_w3c_header(said: str, *, known: bool) -> None:
    found = trace_of([(b"host", b"x"), (b"traceparent", said.encode())])
    assert found == (Trace(TRACE, SPAN, "01") if known else None)


async def test_a_request_is_answered_in_its_caller_s_trace() -> None:
    trace = await during((b"traceparent", f"00-{TRACE}-{SPAN}-01".encode()), (b"tracestate", b"a=1"))
    assert trace == Trace(TRACE, SPAN, "01", "a=1")


async def test_a_request_without_a_trace_begins_one_of_its_own() -> None:
    first, second = await during(), await during((b"traceparent", b"nonsense"))
    assert all(re.fullmatch(r"[0-9a-f]{32}", trace.trace_id) for trace in (first, second))
    assert first.trace_id != second.trace_id
    assert trace_of([(b"traceparent", first.headers[0][1].encode())]) == first


async def test_a_state_that_is_too_long_to_pass_on_is_left_behind() -> None:
    trace = await during((b"traceparent", f"00-{TRACE}-{SPAN}-01".encode()), (b"tracestate", b"a=" + b"1" * 600))
    assert trace.state == ""


async def test_a_call_carries_the_trace_that_it_is_made_for() -> None:
    reset = enter(Trace(TRACE, SPAN, "01", "a=1"))
    try:
        headers = await sent()
        own = await sent(traceparent=f"00-{TRACE[::-1]}-{SPAN}-00")
    finally:
        leave(reset)
    assert (headers["traceparent"], headers["tracestate"]) == (f"00-{TRACE}-{SPAN}-01", "a=1")
    assert own["traceparent"] == f"00-{TRACE[::-1]}-{SPAN}-00"
    assert "traceparent" not in await sent()


def test_a_trace_that_begins_here_says_that_nobody_records_it() -> None:
    assert begun().flags == "00"


def test_what_is_answered_at_once_belongs_to_its_trace_too_and_nothing_after_it_does() -> None:
    class Prompt:
        def at_once(self, _scope: Scope, body: bytes) -> Reply | None:
            found = current()
            return None if found is None else (200, (), body + found.trace_id.encode())

        async def __call__(self, *_: object) -> None: ...

    ask = Traced(Prompt()).at_once
    assert ask is not None
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    named = {"headers": [(b"traceparent", f"00-{trace_id}-b7ad6b7169203331-01".encode())]}
    assert ask(named, b"a") == (200, (), b"a" + trace_id.encode())
    begun = ask({"headers": []}, b"")
    assert begun is not None
    assert len(begun[2]) == 32
    assert current() is None
    assert Traced(Prompt().__call__).at_once is None
