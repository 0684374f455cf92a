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

    requests: int
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

    def __init__(self, requests: Iterator[bytes], tally: "_Tally") -> None:
        self._requests, self._tally = requests, tally
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
        if self._tally.add(self._parser.get_status_code(), self._sent):
            self._parser = httptools.HttpResponseParser(self)
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))


class _Tally:
    """Counts answers, and knows when it has been enough: after a time, or a number of them."""

    def __init__(self, until: float, enough: float) -> None:
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self._until, self._enough = until, enough

    def add(self, status: int, sent: float) -> bool:
        """True while there is more to be asked."""
        now = time.perf_counter()
        self.statuses[status] += 1
        self.latencies.append(now - sent)
        return now < self._until and len(self.latencies) < self._enough


async def load(
    port: int,
    asked: Sequence[bytes],
    *,
    seconds: float,
    requests: float = float("inf"),
    connections: int = 16,
    expect: int = 200,
) -> Load:
    """Send what is `asked` in turn over `connections`, for `seconds` or until about so many `requests` are answered.

    Raises UnexpectedAnswerError at any other status than the expected one.
    """
    loop = asyncio.get_running_loop()
    turns, begun = cycle(asked), time.perf_counter()
    tally = _Tally(begun + seconds, requests)
    made = [
        await loop.create_connection(lambda: _Connection(turns, tally), "127.0.0.1", port) for _ in range(connections)
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
        requests=len(tally.latencies),
        rate=len(tally.latencies) / took,
        median=cuts[49] * 1000,
        p99=cuts[98] * 1000,
        statuses=dict(tally.statuses),
    )
