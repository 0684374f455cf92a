"""Waiting for whoever is being started again."""

import asyncio

import httpx2
import pytest

from sidecar.patience import PatientTransport
from tests.ports import free_port


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nback")
    await writer.drain()
    writer.close()


async def test_a_request_waits_for_a_server_that_comes_back() -> None:
    port = free_port()
    async with httpx2.AsyncClient(transport=PatientTransport(httpx2.AsyncHTTPTransport())) as http:
        asked = asyncio.create_task(http.post(f"http://127.0.0.1:{port}/", content=b"once"))
        done, _ = await asyncio.wait([asked], timeout=0.2)
        assert not done, "nobody is there yet, and it waits"
        async with await asyncio.start_server(_answer, "127.0.0.1", port):
            assert (await asked).text == "back"


async def test_it_waits_no_longer_than_it_may_and_for_nobody_else() -> None:
    port = free_port()
    inner = httpx2.AsyncHTTPTransport()
    async with httpx2.AsyncClient(transport=PatientTransport(inner, seconds=0.2)) as http:
        with pytest.raises(httpx2.ConnectError):
            await http.get(f"http://127.0.0.1:{port}/")
    stranger = PatientTransport(httpx2.AsyncHTTPTransport(), seconds=3600, waits_for=lambda url: url.port != port)
    async with httpx2.AsyncClient(transport=stranger) as http:
        with pytest.raises(httpx2.ConnectError):
            await http.get(f"http://127.0.0.1:{port}/")
