"""A listener that counts who comes, and answers as it is told."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import pytest

Answer: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def _silent(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@dataclass(kw_only=True)
class Listener:
    """Every connection counts, whatever comes over it."""

    port: int
    answer: Answer = _silent
    reached: int = 0
    asked: list[bytes] = field(default_factory=list[bytes])

    def says(self, text: bytes) -> None:
        async def answer(writer: asyncio.StreamWriter) -> None:
            writer.write(text)
            await writer.drain()

        self.answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached += 1
        try:
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            await self.answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def listener() -> AsyncGenerator[Listener]:
    """On every address of this machine, IPv4 and IPv6."""
    listener = Listener(port=0)
    first = await asyncio.start_server(listener.serve, "0.0.0.0", 0)
    listener.port = first.sockets[0].getsockname()[1]
    servers = [first]
    with suppress(OSError):  # no IPv6 here
        servers.append(await asyncio.start_server(listener.serve, "::", listener.port))
    yield listener
    for server in servers:
        server.close()
