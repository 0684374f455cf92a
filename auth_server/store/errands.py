"""Who is on the way to the upstream provider and back, and whom it vouched for, over any key-value state."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import cast

from pydantic import TypeAdapter

from auth_server.people import Errand, Newcomer
from auth_server.store.changing import pause
from sidecar.state import Json, State, StateUnavailable

LIFETIME = 600
_ERRAND = TypeAdapter(Errand)
_NEWCOMER = TypeAdapter(Newcomer)
_TRIES = 40


class ErrandRecords:
    """See `contract.Errands`."""

    def __init__(self, state: State, clock: Callable[[], float]) -> None:
        self._state = state
        self._clock = clock

    async def add(self, errand: Errand) -> None:
        """One write."""
        await self._state.insert(f"errand-{errand.id}", _ERRAND.dump_python(errand, mode="json"), ttl=LIFETIME)

    async def find(self, errand_id: str) -> Errand | None:
        """One read."""
        entry = await self._state.get(f"errand-{errand_id}")
        found = None if entry is None else _ERRAND.validate_python(entry.value)
        return found if found and not found.done and found.created + LIFETIME > self._clock() else None

    async def finish(self, errand_id: str) -> bool:
        """Mark it with compare-and-set; it stays as a tombstone for the rest of its time."""
        for attempt in range(_TRIES):
            entry = await self._state.get(f"errand-{errand_id}")
            found = None if entry is None else _ERRAND.validate_python(entry.value)
            if entry is None or found is None or found.done:
                return False
            done = cast("Json", _ERRAND.dump_python(replace(found, done=True), mode="json"))
            left = max(1, int(found.created + LIFETIME - self._clock()))
            if await self._state.replace(f"errand-{errand_id}", done, entry.etag, ttl=left):
                return True
            await pause(attempt)
        raise StateUnavailable("an errand is finished by too many at once")


class NewcomerRecords:
    """See `contract.Newcomers`. The provider's name for a person leads to ours, ours to what is known of them."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def subject(self, issuer: str, upstream_subject: str, fresh: str) -> str:
        """Insert if absent: whoever came first has named the person for good."""
        key = "newcomer-" + sha256(json.dumps([issuer, upstream_subject]).encode()).hexdigest()
        entry = await self._state.get(key)
        if entry is None and await self._state.insert(key, fresh):
            return fresh
        entry = entry or await self._state.get(key)
        if entry is None:
            raise StateUnavailable("a person's subject is neither there nor can be written")
        return str(entry.value)

    async def find(self, subject: str) -> Newcomer | None:
        """One read."""
        entry = await self._state.get(f"person-{subject}")
        return None if entry is None else _NEWCOMER.validate_python(entry.value)

    async def put(self, person: Newcomer) -> None:
        """One write; the last sign-in says how things are."""
        await self._state.put(f"person-{person.subject}", cast("Json", _NEWCOMER.dump_python(person, mode="json")))
