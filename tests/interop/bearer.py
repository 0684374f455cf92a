"""A way in for programs that send no token: all passes as it is, but for the port and an Authorization field."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tests.human.serving import serving


@asynccontextmanager
async def with_token(port: int, token: str) -> AsyncGenerator[int]:
    """A port whose requests reach `port` on this machine with the token, one request a connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _carried(reader, writer, port, token)

    async with serving(answer) as own:
        yield own


async def _carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, token: str) -> None:
    own = writer.get_extra_info("sockname")[1]
    head = await reader.readuntil(b"\r\n\r\n")
    request, *fields = head.replace(b"localhost:%d" % own, b"localhost:%d" % port).split(b"\r\n")
    length = next((int(field[15:]) for field in fields if field.lower().startswith(b"content-length:")), 0)
    kept = [field for field in fields if not field.lower().startswith(b"connection:")]
    added = [f"Authorization: Bearer {token}".encode(), b"Connection: close"]
    there, onwards = await asyncio.open_connection("127.0.0.1", port)
    try:
        onwards.write(b"\r\n".join([request, *added, *kept]) + await reader.readexactly(length))
        while part := await there.read(65536):
            writer.write(part)
            await writer.drain()
    finally:
        onwards.close()
