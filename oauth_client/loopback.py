"""The redirect URI of a program on the person's own machine: one port on 127.0.0.1, open while one sign-in runs.

OAuth 2.1 §8.4.2. It answers with a page of its own and never sends a browser elsewhere.
"""

import asyncio
import hmac
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

from oauth_client.errors import LoginRequired

HOST = "127.0.0.1"
PATH = "/callback"
_LARGEST = 16_384
_SLOWEST = 10.0
_ARRIVED = (200, "The answer has arrived. Close this page and go back to the program that sent you here.")
_TAKEN = (410, "This sign-in is already over.")
_FOREIGN = (400, "This is not the answer that is waited for.")
_ELSEWHERE = (404, "There is nothing here.")


class Listener:
    """Waits for the one answer that carries `state`; whatever else comes is turned away and forgotten."""

    def __init__(self, state: str, port: int) -> None:
        self.port = port
        self._state = state
        self._answer: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def redirect_uri(self) -> str:
        """An IP literal: a name could be made to lead elsewhere. RFC 8252 §8.3."""
        return f"http://{HOST}:{self.port}{PATH}"

    async def answer(self, resource: str, seconds: float) -> Mapping[str, str]:
        """The parameters of the answer. Raises LoginRequired when none came in time."""
        try:
            async with asyncio.timeout(seconds):
                return await self._answer
        except TimeoutError:
            raise LoginRequired(resource, f"nobody finished it within {seconds:g} s") from None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: one request, one page."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout(_SLOWEST):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_page(*self._judge(head.decode("latin-1").split("\r\n"))))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    async def rest(self) -> None:
        """Until every page that was begun is written."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _judge(self, lines: list[str]) -> tuple[int, str]:
        """GET, our own path, our own host by its number, each parameter once, and our state."""
        method, _, rest = lines[0].partition(" ")
        target = rest.rpartition(" ")[0]
        hosts = [value.strip() for name, _, value in (line.partition(":") for line in lines[1:]) if _is_host(name)]
        path, _, query = target.partition("?")
        if method != "GET" or path != PATH or hosts != [f"{HOST}:{self.port}"]:
            return _ELSEWHERE
        told = parse_qsl(query, keep_blank_values=True)
        response = dict(told)
        if len(response) != len(told) or not hmac.compare_digest(
            response.get("state", "").encode(), self._state.encode()
        ):
            return _FOREIGN
        if self._answer.done():
            return _TAKEN
        self._answer.set_result(response)
        return _ARRIVED


@asynccontextmanager
async def listening(state: str, port: int = 0) -> AsyncGenerator[Listener]:
    """Listen on `port` if it is free, else on any that is."""
    listener = Listener(state, port)
    try:
        server = await asyncio.start_server(listener.serve, HOST, port, limit=_LARGEST)
    except OSError:
        server = await asyncio.start_server(listener.serve, HOST, 0, limit=_LARGEST)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        await listener.rest()


def port_of(redirect_uri: str) -> int:
    """The port of a redirect URI, or 0."""
    return urlsplit(redirect_uri).port or 0


def _is_host(name: str) -> bool:
    return name.strip().lower() == "host"


def _page(status: int, text: str) -> bytes:
    body = f"<!doctype html><html lang=en><meta charset=utf-8><title>daca</title><p>{text}</p></html>".encode()
    head = (
        f"HTTP/1.1 {status} -\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
