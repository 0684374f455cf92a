"""An app behind a sidecar, for the tests of the transport: it refuses, streams, and tells what it received."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from sidecar.process import server_config

CHALLENGE: Final = 'Bearer resource_metadata="http://localhost:8000/.well-known/x", scope="a b"'

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Callee:
    """`/deny` answers 401, `/events` streams step by step as `/step` says, everything else echoes."""

    def __init__(self) -> None:
        self._steps: asyncio.Queue[None] = asyncio.Queue()
        self.hung_up = threading.Event()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["path"] == "/deny":
            await _answer(send, 401, b'{"error":"unauthorized"}', [(b"www-authenticate", CHALLENGE.encode())])
        elif scope["path"] == "/step":
            self._steps.put_nowait(None)
            await _answer(send, 204, b"")
        elif scope["path"] == "/events":
            await self._events(receive, send)
        else:
            await _answer(send, 200, json.dumps(await _heard(scope, receive)).encode())

    async def _events(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        left = asyncio.ensure_future(receive())
        for number in range(3):
            event = f"data: {number}\n\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": True})
            step = asyncio.ensure_future(self._steps.get())
            await asyncio.wait({step, left}, return_when=asyncio.FIRST_COMPLETED)
            step.cancel()
            if left.done():
                self.hung_up.set()
                return
        left.cancel()
        await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    given = [(b"content-length", str(len(body)).encode()), *(headers or [])] if body else []
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": body})


async def _heard(scope: dict[str, Any], receive: Receive) -> dict[str, Any]:
    size = sum([len(chunk) async for chunk in _body(receive)])
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    return {
        "method": scope["method"],
        "path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(),
        "headers": headers,
        "client": scope["client"][0],
        "size": size,
    }


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        yield message.get("body", b"")


@contextmanager
def serving(app: Callable[..., Awaitable[None]], port: int) -> Generator[None]:
    """Serve in a thread with a loop of its own, exactly as a process of ours does."""
    server = uvicorn.Server(server_config(app, host="127.0.0.1", port=port))
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
