import asyncio
import gzip
import json
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest

from auth_server.fetch.guarded import LARGEST, Fetcher, system_resolve
from auth_server.fetch.location import FetchRefused
from tests.certificate import make_certificate

BATTERY: dict[str, Any] = json.loads((Path(__file__).parent / "ssrf.json").read_text(encoding="utf-8"))
TLS = ssl.create_default_context()  # made once: reading the certificates takes long
BEFORE_CONNECTING = "not public|not https|not a URL in|no such port|gaierror"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\n\r\n{}"


class Listener(Protocol):
    port: int
    reached: int
    asked: list[bytes]
    answer: Any

    def says(self, text: bytes) -> None: ...


async def resolve(host: str, port: int) -> Sequence[str]:
    """The battery's names; the operating system's opinion of everything else."""
    names: dict[str, list[str]] = BATTERY["names"]
    return names[host] if host in names else await system_resolve(host, port)


def test_the_battery_is_as_large_as_it_should_be() -> None:
    assert len(set(BATTERY["urls"])) >= 70


@pytest.mark.requirement("AS-37")
@pytest.mark.parametrize("url", BATTERY["urls"])
async def test_nothing_that_is_not_public_is_reached(listener: Listener, url: str) -> None:
    with pytest.raises(FetchRefused, match=BEFORE_CONNECTING):
        await Fetcher(tls=TLS, resolve=resolve, seconds=2).get(url.replace("PORT", str(listener.port)))
    assert listener.reached == 0


@pytest.mark.requirement("AS-37")
async def test_the_own_address_of_this_machine_is_not_reached(listener: Listener) -> None:
    found = await system_resolve(socket.gethostname(), listener.port)
    assert found
    with pytest.raises(FetchRefused, match="not public"):
        await Fetcher(tls=TLS, resolve=lambda _host, _port: _answer(found)).get(f"https://me.example:{listener.port}/c")
    assert listener.reached == 0


async def _answer(addresses: Sequence[str]) -> Sequence[str]:
    return addresses


@pytest.mark.requirement("AS-37")
async def test_the_switch_opens_loopback_names_and_nothing_else(listener: Listener) -> None:
    listener.says(OK)
    fetcher = Fetcher(loopback=True, tls=TLS, resolve=resolve)
    fetched = await fetcher.get(f"http://127.0.0.1:{listener.port}/c.json?v=1")
    assert fetched.body == b"{}"
    assert fetched.headers["cache-control"] == "max-age=60"
    asked = listener.asked[0].decode()
    assert asked.startswith("GET /c.json?v=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{listener.port}\r\n" in asked
    assert "Accept-Encoding: identity\r\n" in asked
    for url in ("http://local.example:PORT/c", "https://local.example:PORT/c", "https://10.0.0.1:PORT/c"):
        with pytest.raises(FetchRefused, match=BEFORE_CONNECTING):
            await fetcher.get(url.replace("PORT", str(listener.port)))
    elsewhere = Fetcher(loopback=True, tls=TLS, resolve=lambda _host, _port: _answer(["10.0.0.1"]))
    with pytest.raises(FetchRefused, match="not public"):
        await elsewhere.get(f"http://localhost:{listener.port}/c")
    assert listener.reached == 1


@pytest.mark.requirement("AS-37")
async def test_the_connection_goes_to_the_checked_address_however_the_dns_changes(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([["93.184.215.14"], ["127.0.0.1"], ["127.0.0.1"]])
    went: list[httpx2.Request] = []

    async def handle(_self: object, request: httpx2.Request) -> httpx2.Response:
        went.append(request)
        return httpx2.Response(200, stream=httpx2.ByteStream(b"{}"))

    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", handle)
    url = f"https://rebinding.example:{listener.port}/c"
    await Fetcher(tls=TLS, resolve=lambda _host, _port: _answer(next(answers))).get(url)
    (request,) = went
    assert request.url.host == "93.184.215.14"
    assert request.headers["host"] == f"rebinding.example:{listener.port}"
    assert request.extensions["sni_hostname"] == "rebinding.example"
    assert next(answers) == ["127.0.0.1"], "the name was resolved a second time"
    assert listener.reached == 0


@pytest.mark.requirement("AS-37")
async def test_a_changed_answer_reaches_nobody_on_real_sockets(listener: Listener) -> None:
    other = await asyncio.start_server(_never, "127.0.0.2", 0)
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    listener.says(OK)
    fetcher = Fetcher(loopback=True, tls=TLS, resolve=lambda _host, _port: _answer(next(answers)))
    assert (await fetcher.get(f"http://localhost:{listener.port}/c")).body == b"{}"
    other.close()


async def _never(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    raise AssertionError("reached")


@pytest.mark.requirement("AS-37")
@pytest.mark.parametrize("status", ["204 No Content", "301 Moved", "302 Found", "307 Moved", "308 Moved", "404 Gone"])
async def test_only_200_counts_and_no_redirect_is_followed(listener: Listener, status: str) -> None:
    target = f"http://127.0.0.1:{listener.port}/secret"
    listener.says(f"HTTP/1.1 {status}\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())
    with pytest.raises(FetchRefused, match="answered"):
        await Fetcher(loopback=True, tls=TLS).get(f"http://127.0.0.1:{listener.port}/c")
    assert listener.reached == 1


async def _endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        await writer.drain()


async def _header_flood(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Y: " + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def _drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.requirement("AS-37")
async def test_a_body_of_5_kb_is_taken_and_one_byte_more_is_not(listener: Listener) -> None:
    url = f"http://127.0.0.1:{listener.port}/c"
    listener.says(b"HTTP/1.1 200 OK\r\nContent-Length: 5120\r\n\r\n" + b"x" * LARGEST)
    assert len((await Fetcher(loopback=True, tls=TLS).get(url)).body) == 5120
    listener.says(b"HTTP/1.1 200 OK\r\nContent-Length: 5121\r\n\r\n" + b"x" * (LARGEST + 1))
    with pytest.raises(FetchRefused, match="more than 5120 bytes"):
        await Fetcher(loopback=True, tls=TLS).get(url)
    listener.answer = _endless
    with pytest.raises(FetchRefused, match="more than 5120 bytes"):
        await Fetcher(loopback=True, tls=TLS).get(url)


@pytest.mark.requirement("AS-37")
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "x-anything", "identity, gzip"])
async def test_a_compressed_body_is_refused_unread(listener: Listener, coding: str) -> None:
    bomb = gzip.compress(b" " * 10_000_000)[:4000]
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n"
    listener.says(head.encode() + bomb)
    with pytest.raises(FetchRefused, match="encoded"):
        await Fetcher(loopback=True, tls=TLS).get(f"http://127.0.0.1:{listener.port}/c")


@pytest.mark.requirement("AS-37")
@pytest.mark.parametrize("slow", [_drip, None])
async def test_slow_answers_end_at_the_deadline(listener: Listener, slow: Any) -> None:
    listener.answer = slow or listener.answer
    async with asyncio.timeout(15):  # a dripping body would take 20 s
        with pytest.raises(FetchRefused, match="took too long"):
            await Fetcher(loopback=True, tls=TLS, seconds=0.3).get(f"http://127.0.0.1:{listener.port}/c")


async def test_a_slow_name_look_up_counts_into_the_deadline() -> None:
    async def slowly(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    with pytest.raises(FetchRefused, match="took too long"):
        await Fetcher(tls=TLS, resolve=slowly, seconds=0.05).get("https://slow.example/c")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\xff: \x00\r\n\r\n",
    ],
)
async def test_broken_answers_are_refused(listener: Listener, text: bytes) -> None:
    listener.says(text)
    with pytest.raises(FetchRefused, match="Error"):
        await Fetcher(loopback=True, tls=TLS).get(f"http://127.0.0.1:{listener.port}/c")


async def test_a_flood_of_header_fields_is_refused(listener: Listener) -> None:
    listener.answer = _header_flood
    with pytest.raises(FetchRefused, match="ProtocolError"):
        await Fetcher(loopback=True, tls=TLS).get(f"http://127.0.0.1:{listener.port}/c")


@pytest.mark.parametrize("named", ["localhost", "other.example"])
async def test_certificates_are_checked_against_the_name_although_an_address_is_connected_to(
    tmp_path: Path, named: str
) -> None:
    certificate = make_certificate(tmp_path / "both.pem", named)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    server = await asyncio.start_server(_ok, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    fetcher = Fetcher(loopback=True, tls=ssl.create_default_context(cafile=str(certificate)))
    try:
        if named == "localhost":
            assert (await fetcher.get(f"https://localhost:{port}/c")).body == b"{}"
        else:
            with pytest.raises(FetchRefused, match="Hostname mismatch"):
                await fetcher.get(f"https://localhost:{port}/c")
    finally:
        server.close()


async def _ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK)
    await writer.drain()
    writer.close()
