"""A load generator small enough to leave the server the bottleneck: raw sockets, prebuilt requests, kept alive."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import cast

import httptools


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a span of load came to. Latencies in milliseconds."""

    rate: float
    median: float
    p99: float
    statuses: Mapping[int, int]


class UnexpectedAnswerError(Exception):
    """The server answered with another status than the measurement is about."""


def request(method: str, host: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A whole HTTP/1.1 request, ready to be sent again and again."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Connection(asyncio.Protocol):
    """One connection in a closed loop: the next request leaves when the last answer is whole."""

    def __init__(self, requests: Iterator[bytes], until: float, tally: "_Tally") -> None:
        self._requests, self._until, self._tally = requests, until, tally
        self._parser = httptools.HttpResponseParser(self)
        self._sent = 0.0
        self._transport: asyncio.Transport
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed a connection under load"))

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._tally.add(self._parser.get_status_code(), now - self._sent)
        self._parser = httptools.HttpResponseParser(self)
        if now < self._until:
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))


class _Tally:
    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()

    def add(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.latencies.append(seconds)


async def load(
    port: int, requests: Sequence[bytes], *, seconds: float, connections: int = 16, expect: int = 200
) -> Load:
    """Send `requests` in turn over `connections` for `seconds`. Raises UnexpectedAnswerError at any other status."""
    loop = asyncio.get_running_loop()
    tally, turns, begun = _Tally(), cycle(requests), time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(turns, begun + seconds, tally), "127.0.0.1", port)
        for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(connection.done for _, connection in made))
    took = time.perf_counter() - begun
    if set(tally.statuses) != {expect}:
        raise UnexpectedAnswerError(f"expected {expect} only, got {dict(tally.statuses)}")
    return _load(tally, took)


def _load(tally: _Tally, took: float) -> Load:
    cuts = statistics.quantiles(tally.latencies, n=100)
    return Load(
        rate=len(tally.latencies) / took,
        median=cuts[49] * 1000,
        p99=cuts[98] * 1000,
        statuses=dict(tally.statuses),
    )
