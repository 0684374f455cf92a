"""State through Dapr's HTTP API: one behaviour over sqlite, postgres and redis (docs/decisions/dapr-state.md)."""

import asyncio
import math
import random
import time
import uuid
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import quote
from weakref import WeakValueDictionary

import httpx2

from sidecar.dapr_record import Record, Seen, record_of, text_of
from sidecar.state import Entry, Json, StateUnavailable, check_key, check_ttl

_GRACE: Final = 60
"""Seconds that the store keeps a record which has expired or was deleted.

Redis counts versions from 1 again when a key is gone, so a mark read before would fit a value written after. While
the record stays, the count goes on; no request of ours lasts as long.
"""
_SECONDS: Final = 15
_TRIES: Final = 3
_PAUSE: Final = 0.05
_CONFLICT: Final = 409


_May: TypeAlias = Callable[[Seen | None], bool]


class DaprState:
    """The state of one app behind its sidecar, shared by all its replicas."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        store: str = "statestore",
        clock: Callable[[], float] = time.time,
        grace: int = _GRACE,
    ) -> None:
        self._http = http
        self._url = f"/v1.0/state/{store}"
        self._store = store
        self._clock = clock
        self._grace = grace
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, key: str) -> Entry | None:
        """The value now, or None."""
        seen = await self._read(key)
        return Entry(value=seen.record.value, etag=seen.record.mark) if seen and self._live(seen) else None

    async def insert(self, key: str, value: Json, *, ttl: int | None = None) -> bool:
        """Write if absent; one request when it is, for a first write needs no etag."""
        return await self._settle(key, self._record(value, ttl), lambda seen: not self._live(seen), None)

    async def replace(self, key: str, value: Json, etag: str, *, ttl: int | None = None) -> bool:
        """Write if unchanged since `etag` was read."""

        def unchanged(seen: Seen | None) -> bool:
            return seen is not None and self._live(seen) and seen.record.mark == etag

        record = self._record(value, ttl)
        seen = await self._read(key)
        return unchanged(seen) and await self._settle(key, record, unchanged, seen)

    async def put(self, key: str, value: Json, *, ttl: int | None = None) -> None:
        """Write whatever is there: compare-and-set too, since Redis refuses anything less on a key inserted once."""
        record = self._record(value, ttl)
        await self._settle(key, record, lambda _: True, await self._read(key))

    async def delete(self, key: str) -> None:
        """Remove, if there."""
        seen = await self._read(key)
        if self._live(seen):
            await self._settle(key, self._gone(), self._live, seen)

    def _record(self, value: Json, ttl: int | None) -> Record:
        expires = None if check_ttl(ttl) is None else self._clock() + (ttl or 0)
        return Record(value=value, mark=uuid.uuid4().hex, expires=expires)

    def _live(self, seen: Seen | None) -> bool:
        if seen is None or seen.record.gone:
            return False
        return seen.record.expires is None or seen.record.expires > self._clock()

    async def _settle(self, key: str, record: Record, may: _May, seen: Seen | None) -> bool:
        """Write over what was seen, while that may be done, until it is known who wrote."""
        try:
            async with asyncio.timeout(_SECONDS):
                why = await self._write_over(key, record, seen)
                return not why or await self._contend(key, record, may, seen, why)
        except TimeoutError as error:
            raise StateUnavailable(f"{self._store} did not take a write of {key!r} in {_SECONDS} s") from error

    async def _contend(self, key: str, record: Record, may: _May, seen: Seen | None, why: str) -> bool:
        """Find out what a failed write means: read, and believe only what lies in the store.

        Stores report a lost race as 409 or as a bare 500, and an answer may get lost after the write. When nobody else
        has written either, the store refuses. This process's own contenders for a key take turns, or they would
        mostly disturb each other.
        """
        tries = 0
        async with self._turns.setdefault(key, asyncio.Lock()):
            while tries < _TRIES:
                now = await self._read(key)
                if now is not None and now.record.mark == record.mark:
                    return True
                if not may(now):
                    return False
                tries, seen = tries + 1 if now == seen else 0, now
                if not (why := await self._write_over(key, record, seen)):
                    return True
                await asyncio.sleep(random.uniform(0, _PAUSE))  # noqa: S311  spreads contenders, guards nothing
        raise StateUnavailable(f"{self._store} takes no write of {key!r}: {why}")

    async def _write_over(self, key: str, record: Record, seen: Seen | None) -> str:
        """Nothing when written, else why not: a record that is fading is only renewed, and is to be read again."""
        if not self._fading(seen):
            return await self._write(key, record, seen)
        return await self._write(key, self._gone(), seen) or "renewed"

    def _fading(self, seen: Seen | None) -> bool:
        """Whether the store may drop the record at any moment: renew it first, or two could write over it."""
        expires = seen.record.expires if seen else None
        return expires is not None and self._clock() > expires + self._grace / 2

    def _gone(self) -> Record:
        return Record(value=None, mark=uuid.uuid4().hex, expires=self._clock(), gone=True)

    async def _read(self, key: str) -> Seen | None:
        answer = await self._ask("GET", f"{self._url}/{_quoted(key)}?consistency=strong")
        if answer.is_success and not answer.content:
            return None
        if not answer.is_success:
            raise StateUnavailable(f"{self._store} answers {answer.status_code}: {_reason(answer)}")
        return Seen(record=record_of(answer.json()), etag=answer.headers["etag"])

    async def _write(self, key: str, record: Record, seen: Seen | None) -> str:
        """Nothing when written, else why not: the store says no in whichever words, or does not answer."""
        item: dict[str, Any] = {"key": check_key(key), "value": text_of(record)}
        item["options"] = {"concurrency": "first-write", "consistency": "strong"}
        if seen is not None:
            item["etag"] = seen.etag
        if record.expires is not None:
            left = max(0.0, record.expires - self._clock())
            item["metadata"] = {"ttlInSeconds": str(math.ceil(left) + self._grace)}
        try:
            answer = await self._http.post(self._url, json=[item])
        except httpx2.TransportError as error:
            return type(error).__name__
        if answer.is_client_error and answer.status_code != _CONFLICT:
            raise StateUnavailable(f"{self._store} may not be written: {answer.status_code} {_reason(answer)}")
        return "" if answer.is_success else f"{answer.status_code} {_reason(answer)}"

    async def _ask(self, method: str, url: str) -> httpx2.Response:
        """Ask once more after a broken connection: one left open may be of a sidecar that is gone."""
        for last in (False, True):
            try:
                return await self._http.request(method, url)
            except httpx2.TimeoutException as error:
                raise StateUnavailable(f"{self._store} did not answer in time") from error
            except httpx2.TransportError as error:
                if last or isinstance(error, httpx2.ConnectError):
                    raise StateUnavailable(f"{self._store} cannot be reached: {type(error).__name__}") from error
        raise AssertionError("the last attempt returns or raises")


def _quoted(key: str) -> str:
    """The key as one path segment, dots too: `..` is no step up."""
    return quote(check_key(key), safe="").replace(".", "%2E")


def _reason(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["message"])[:200]
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
