"""A web site on loopback that holds clients' metadata documents, and counts who asks."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

BACK = "http://127.0.0.1:5000/callback"


@dataclass(kw_only=True)
class Site:
    """`held` until it is set free: so that many ask while the first one waits."""

    port: int = 0
    document: dict[str, Any] | bytes = b""
    status: str = "200 OK"
    headers: str = "Cache-Control: max-age=60\r\n"
    asked: list[str] = field(default_factory=list[str])
    held: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/client.json") -> str:
        return f"http://localhost:{self.port}{path}"

    def describes(self, **changed: object) -> str:
        """A sound document at the usual place; None takes a member away. Returns its URL."""
        sound: dict[str, Any] = {"client_id": self.url(), "client_name": "Quill", "redirect_uris": [BACK], **changed}
        self.document = {name: value for name, value in sound.items() if value is not None}
        return self.url()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1])
        self.reached.set()
        if self.held is not None:
            await self.held.wait()
        body = self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()
        writer.write(f"HTTP/1.1 {self.status}\r\n{self.headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def a_site() -> AsyncGenerator[Site]:
    site = Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
