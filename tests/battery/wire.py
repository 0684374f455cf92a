"""Requests as they go over the wire, and the two ways to send them: in process and over a socket."""

import asyncio
import contextlib
import http.client
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from tests.battery.world import World

Headers: TypeAlias = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it goes over the wire: nothing is normalised, repeated headers stay repeated."""

    target: str
    method: str = "POST"
    headers: Headers = ()
    body: bytes = b""
    chunked: bool = False
    host: Sequence[str] | None = None

    def plus(self, *headers: tuple[str, str | bytes]) -> "Request":
        return replace(self, headers=(*self.headers, *headers))


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


Transport: TypeAlias = Callable[[Request], Awaitable[Answer]]


def _raw(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def in_process(app: Callable[..., Awaitable[None]], world: World) -> Transport:
    """Reach an ASGI app the way uvicorn would."""

    async def send_request(request: Request) -> Answer:
        path, _, query = request.target.partition("?")
        hosts = [urlsplit(world.resource).netloc] if request.host is None else request.host
        headers = [(b"host", host.encode()) for host in hosts]
        headers += [(name.lower().encode(), _raw(value)) for name, value in request.headers]
        if not request.chunked:
            headers.append((b"content-length", b"%d" % len(request.body)))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
            "method": request.method, "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(),
            "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "state": {},
        }  # fmt: skip
        sent: list[dict[str, Any]] = []
        pieces = [request.body[at : at + 65536] for at in range(0, len(request.body), 65536)] or [b""]

        async def receive() -> dict[str, Any]:
            if pieces:
                return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}
            return await asyncio.Future()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await app(scope, receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        return Answer(
            status=start["status"],
            headers=tuple((name.decode().lower(), value.decode("latin-1")) for name, value in start["headers"]),
            body=b"".join(message.get("body", b"") for message in sent[1:]),
        )

    return send_request


def over_socket(world: World, connect: str | None = None) -> Transport:
    """Reach a running server; `connect` is host:port when the resource's own name does not lead there."""
    parts = urlsplit(connect if connect and "//" in connect else f"//{connect}" if connect else world.resource)
    secure = urlsplit(world.resource).scheme == "https" and connect is None
    connection_class = http.client.HTTPSConnection if secure else http.client.HTTPConnection

    def blocking(request: Request) -> Answer:
        connection = connection_class(parts.hostname or "localhost", parts.port, timeout=20)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            hosts = [urlsplit(world.resource).netloc] if request.host is None else request.host
            for name, value in (*(("Host", host) for host in hosts), *request.headers):
                connection.putheader(name, value)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before it was all sent
                _send_body(connection, request)
            response = connection.getresponse()
            headers = tuple((name.lower(), value) for name, value in response.getheaders())
            body = b"" if "text/event-stream" in (response.getheader("content-type") or "") else response.read()
            return Answer(status=response.status, headers=headers, body=body)
        finally:
            connection.close()

    async def send_request(request: Request) -> Answer:
        return await asyncio.to_thread(blocking, request)

    return send_request


def _send_body(connection: http.client.HTTPConnection, request: Request) -> None:
    if request.chunked:
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for at in range(0, len(request.body), 65536):
            piece = request.body[at : at + 65536]
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
    else:
        connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)
