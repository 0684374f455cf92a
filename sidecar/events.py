"""Audit events on a topic: published through the sidecar in the background, never while a request waits.

CloudEvents, each with an id of its own, so that whoever gets one twice can tell; `sequence` is the order in which one
process told them.
"""

import asyncio
import contextlib
import itertools
import secrets
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx2
import structlog

from sidecar.redaction import redact

PUBSUB: Final = "events"
TOPIC: Final = "audit"
CAPACITY: Final = 10_000
"""Events that wait at most, such as while the broker is away."""

_BATCH: Final = 100
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0
_DRAIN_SECONDS: Final = 3.0
_BULK: Final = f"/v1.0/publish/bulk/{PUBSUB}/{TOPIC}"
_NO_SUCH: Final = 404


class Events:
    """Hears an app's audit events and publishes them; `dropped` counts those that it could not keep.

    Without a component `events` it says so once and publishes nothing: the log has every event anyway.
    """

    def __init__(self, http: httpx2.AsyncClient, app_id: str, *, capacity: int = CAPACITY) -> None:
        self.dropped = 0
        self._http = http
        self._app_id = app_id
        self._capacity = capacity
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._absent = self._failing = self._full = False
        self._run = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._publishing: asyncio.Task[None] | None = None
        self._log = structlog.get_logger()

    async def __aenter__(self) -> Self:
        """Begin to publish."""
        self._publishing = asyncio.create_task(self._publish())
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Publish what waits, for a few seconds at most; what is left then is counted and said."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._idle.wait()
        if self._publishing is not None:
            self._publishing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._publishing
        if self._waiting:
            self.dropped += len(self._waiting)
            self._log.warning("audit events were not published before the end", count=len(self._waiting))

    def hear(self, event: str, said: Mapping[str, str]) -> None:
        """A listener of `sidecar.audit.Audit`: keep the event until it is published, if there is room."""
        if self._absent:
            return
        if len(self._waiting) >= self._capacity:
            self._drop()
            return
        self._waiting.append(self._cloud_event(event, said))
        self._idle.clear()
        self._wake.set()

    def _drop(self) -> None:
        self.dropped += 1
        if not self._full:
            self._full = True
            self._log.warning("audit events are dropped: they cannot be published", waiting=len(self._waiting))

    def _cloud_event(self, event: str, said: Mapping[str, str]) -> Mapping[str, Any]:
        number = next(self._numbers)
        return {
            "specversion": "1.0",
            "id": f"{self._run}-{number}",
            "source": self._app_id,
            "type": f"daca.audit.{event}",
            "time": datetime.now(UTC).isoformat(timespec="microseconds"),
            "sequence": f"{number:016d}",
            "datacontenttype": "application/json",
            "data": {"event": event, **said, "app": self._app_id},
        }

    async def _publish(self) -> None:
        pause = _FIRST_PAUSE
        while not self._absent:
            await self._wake.wait()
            batch = list(itertools.islice(self._waiting, _BATCH))
            if not batch:
                self._wake.clear()
                self._idle.set()
                continue
            failed, why = await self._send(batch)
            self._forget(batch, failed)
            if not failed:
                pause = _FIRST_PAUSE
                self._well()
            elif not self._absent:
                self._unwell(why)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _forget(self, batch: list[Mapping[str, Any]], failed: frozenset[str]) -> None:
        for _ in batch:
            self._waiting.popleft()
        if self._absent:
            self._waiting.clear()
            self._idle.set()
        else:
            self._waiting.extendleft(event for event in reversed(batch) if event["id"] in failed)

    async def _send(self, batch: list[Mapping[str, Any]]) -> tuple[frozenset[str], str]:
        """Publish; the ids of those that failed, and why."""
        every = frozenset(str(event["id"]) for event in batch)
        try:
            answer = await self._http.post(_BULK, json=[_entry(event) for event in batch])
        except httpx2.HTTPError as error:
            return every, type(error).__name__
        if answer.is_success:
            return frozenset(), ""
        told = _told(answer)
        if answer.status_code == _NO_SUCH:
            self._absent = True
            self._log.info("audit events stay in the log: the sidecar has no component", component=PUBSUB)
        named = {str(entry.get("entryId")) for entry in cast("list[dict[str, Any]]", told.get("failedEntries") or [])}
        return frozenset(named & every) or every, f"status {answer.status_code} {told.get('errorCode', '')}".strip()

    def _unwell(self, why: str) -> None:
        if not self._failing:
            self._failing = True
            self._log.warning("audit events wait: they cannot be published now", why=why)

    def _well(self) -> None:
        if self._failing or self._full:
            self._log.warning("audit events are published again", dropped=self.dropped)
        self._failing = self._full = False


def _entry(event: Mapping[str, Any]) -> Mapping[str, Any]:
    # As in a log line: nothing that has the shape of a credential leaves the app.
    shown = {**event, "data": redact(None, "", dict(event["data"]))}
    return {"entryId": event["id"], "event": shown, "contentType": "application/cloudevents+json"}


def _told(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        told: Any = answer.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}
