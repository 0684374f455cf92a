"""A connection to a server whose app answers some of what it is asked at once, and the rest in its own time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
import uvicorn
from uvicorn.server import ServerState

from sidecar.at_once import HttpAtOnce, Reply, Scope
from sidecar.leaving import Leaving
from sidecar.process import server_config

PROMPT: Final = b"POST /prompt HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
SLOW: Final = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
HEADERS: Final = ((b"content-type", b"text/plain"), (b"cache-control", b"no-store"))


class App:
    """Answers /prompt at once, everything else after a while; each says how it came about."""

    def __init__(self) -> None:
        self.slowness = 0.0
        self.tasks = 0

    def at_once(self, scope: Scope, body: bytes) -> Reply | None:
        return (200, HEADERS, b"at once:" + body) if scope["path"] == "/prompt" else None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        self.tasks += 1
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        await asyncio.sleep(self.slowness)
        body = b"in time:" + body
        headers = [*HEADERS, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Caller:
    """One connection, whose answers are read one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[dict[str, str], bytes]:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 60)).decode()
        status, *lines = head.strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await asyncio.wait_for(self.reader.readexactly(int(headers.get("content-length", "0"))), 60)
        return {"status": status, **headers}, body

    async def ended(self) -> bool:
        return await asyncio.wait_for(self.reader.read(), 60) == b""


@asynccontextmanager
async def _serving(app: Any, *, keep_alive: int = 60) -> AsyncGenerator[Caller]:
    config = server_config(app, host="127.0.0.1", port=0)
    config.timeout_keep_alive = keep_alive
    server = uvicorn.Server(config)
    # Without signal handlers: this is a test's loop.
    serving = asyncio.create_task(server._serve())  # pyright: ignore[reportPrivateUsage]
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()
        server.should_exit = True
        await serving


async def test_what_is_answered_at_once_is_a_whole_answer_on_a_kept_connection_and_takes_no_task() -> None:
    app = App()
    async with _serving(app) as caller:
        for _ in range(3):
            caller.send(PROMPT)
            headers, body = await caller.answer()
            assert body == b"at once:abc"
            assert (headers["status"], headers["content-type"], headers["content-length"]) == (
                "HTTP/1.1 200 OK",
                "text/plain",
                "11",
            )
            assert headers["date"].endswith(" GMT")
            assert "connection" not in headers
    assert app.tasks == 0


async def test_what_the_app_declines_goes_the_whole_way() -> None:
    app = App()
    async with _serving(app) as caller:
        for request in (SLOW, PROMPT, SLOW):
            caller.send(request)
        assert [(await caller.answer())[1] for _ in range(3)] == [b"in time:abc", b"in time:abc", b"in time:abc"]
        caller.send(PROMPT)
        assert (await caller.answer())[1] == b"at once:abc"
    assert app.tasks == 3


async def test_requests_that_come_together_are_answered_in_their_order() -> None:
    app = App()
    app.slowness = 0.05
    async with _serving(app) as caller:
        caller.send(PROMPT + SLOW + PROMPT + PROMPT)
        bodies = [(await caller.answer())[1] for _ in range(4)]
        caller.send(PROMPT + PROMPT)
        bodies += [(await caller.answer())[1] for _ in range(2)]
    assert bodies == [b"at once:abc", *[b"in time:abc"] * 3, *[b"at once:abc"] * 2]


@pytest.mark.parametrize("cut", [10, len(PROMPT) - 4, len(PROMPT) - 3, len(PROMPT) - 1])
async def test_a_request_that_comes_in_pieces_is_answered_all_the_same(cut: int) -> None:
    async with _serving(App()) as caller:
        caller.send(PROMPT[:cut])
        await asyncio.sleep(0.05)
        caller.send(PROMPT[cut:])
        assert (await caller.answer())[1].endswith(b":abc")
        caller.send(PROMPT)
        assert (await caller.answer())[1] == b"at once:abc"


@pytest.mark.parametrize(
    "request_",
    [
        PROMPT.replace(b"Host: x", b"Host: x\r\nConnection: close"),
        PROMPT.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
async def test_a_caller_that_keeps_no_connection_is_told_that_it_ends(request_: bytes) -> None:
    async with _serving(App()) as caller:
        caller.send(request_)
        headers, body = await caller.answer()
        assert (headers["connection"], body) == ("close", b"in time:abc")
        assert await caller.ended()


async def test_a_caller_that_waits_to_be_asked_for_the_body_is_asked() -> None:
    async with _serving(App()) as caller:
        head, body = PROMPT.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue").split(b"\r\n\r\n")
        for before, said in ((b"", []), (SLOW, [b"in time:abc"])):
            caller.send(before + head + b"\r\n\r\n")
            assert [(await caller.answer())[1] for _ in said] == said
            assert (await caller.answer())[0]["status"] == "HTTP/1.1 100 Continue"
            caller.send(body)
            assert (await caller.answer())[1] == b"in time:abc"
        caller.send(head + b"\r\n\r\n" + body)
        assert (await caller.answer())[1] == b"at once:abc"


async def test_whoever_leaves_ends_the_connection_with_the_answer() -> None:
    leaving = Leaving(App())
    async with _serving(leaving) as caller:
        caller.send(PROMPT)
        assert (await caller.answer())[1] == b"at once:abc"
        leaving.begin()
        caller.send(PROMPT)
        headers, body = await caller.answer()
        assert (headers["connection"], body) == ("close", b"in time:abc")
        assert await caller.ended()


async def test_a_quiet_connection_is_ended_and_a_busy_one_is_not() -> None:
    app = App()
    async with _serving(app, keep_alive=1) as caller:
        caller.send(PROMPT)
        await caller.answer()
        app.slowness = 1.5  # longer than a connection may be quiet
        caller.send(SLOW)
        assert (await caller.answer())[1] == b"in time:abc"
        caller.send(PROMPT + SLOW)
        assert [(await caller.answer())[1] for _ in range(2)] == [b"at once:abc", b"in time:abc"]
        caller.send(PROMPT)
        assert (await caller.answer())[1] == b"at once:abc"
        assert await caller.ended()


def test_the_timer_of_a_connection_runs_anew_from_the_last_answer() -> None:
    loop = _Loop()
    protocol, transport = _protocol(App(), loop)
    for loop.now in (0.0, 3.0, 4.0):
        protocol.data_received(PROMPT)
    assert len(transport.written) == 3
    assert [when for when, _ in loop.timers] == [5.0]
    loop.now = 5.0
    loop.timers.pop()[1]()
    assert not transport.closed
    assert [when for when, _ in loop.timers] == [9.0]
    loop.now = 9.0
    loop.timers.pop()[1]()
    assert transport.closed


class _Bad(App):
    def at_once(self, scope: Scope, body: bytes) -> Reply | None:
        if body == b"abc":
            raise LookupError(scope["path"])
        return (200, ((b"x", b"a\r\nb: c"),), b"")


async def test_what_fails_at_once_or_would_be_no_sound_answer_goes_the_whole_way() -> None:
    async with _serving(_Bad()) as caller:
        for request in (PROMPT, PROMPT.replace(b"abc", b"abd")):
            caller.send(request)
            assert (await caller.answer())[1] == b"in time:" + request[-3:]


class _Loop:
    """As much of a loop as timers need, at a time of our own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Any]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Any) -> object:
        self.timers.append((self.now + seconds, call))
        return object()


class _Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def _protocol(app: Any, loop: Any) -> tuple[HttpAtOnce, _Transport]:
    config = server_config(app, host="127.0.0.1", port=0)
    config.load()
    protocol = HttpAtOnce(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    transport = _Transport()
    protocol.connection_made(transport)
    return protocol, transport
