"""A client's own small web server on a loopback address: where browsers come back to, and where its document stands."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

from tests.human.serving import serving

_PAGE = b"<!doctype html><html lang=en><title>Done</title><link rel=icon href=data:,><p>You may close this window."


class Listener:
    """Hears what browsers bring back, one answer at a time; serves a document when there is one."""

    def __init__(self) -> None:
        self.origin = ""
        self.document: Mapping[str, object] | None = None
        self._heard: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    @property
    def callback(self) -> str:
        """The redirect URI."""
        return f"{self.origin}/callback"

    @property
    def document_url(self) -> str:
        """The client id of a client that is known by its document."""
        return f"{self.origin}/client.json"

    async def heard(self) -> dict[str, str]:
        """What the next browser to come back says, or has said."""
        return await asyncio.wait_for(self._heard.get(), 30)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, one answer, closed."""
        head = await reader.readuntil(b"\r\n\r\n")
        target = head.split(b" ", 2)[1].decode()
        kind, body = self._found(target)
        length = f"content-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n" + length.encode() + body)
        await writer.drain()

    def _found(self, target: str) -> tuple[str, bytes]:
        parts = urlsplit(target)
        if parts.path == "/client.json" and self.document is not None:
            return "application/json", json.dumps(self.document).encode()
        if parts.path == "/callback":
            self._heard.put_nowait(dict(parse_qsl(parts.query, strict_parsing=True)))
        return "text/html", _PAGE


@asynccontextmanager
async def listening() -> AsyncGenerator[Listener]:
    """A listener on a port of its own."""
    listener = Listener()
    async with serving(listener.answer) as port:
        listener.origin = f"http://127.0.0.1:{port}"
        yield listener
