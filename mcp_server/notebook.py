"""The notebook: notes in a shared key-value state, safe with many writers and many replicas.

One entry, `index`, says which names exist and under which record each is kept; it changes by compare-and-set
alone, so a note comes into being, and ceases to be, at one moment for everybody. A record's key is random and
never used again, so a late writer can not bring a deleted note back.
"""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from mcp_server.note import Author, Note, NotebookBusy, NotebookFull, NoteConflict, NoteMissing
from sidecar.state import Entry, Json, State

MAX_NOTES = 200
"""How many notes there may be: one index entry and a search over all of them stay small."""

_INDEX = "notes-index"
_ATTEMPTS = 40
_AT_ONCE = 16
_T = TypeVar("_T")


_RECORD = TypeAdapter(Note)


def utc_now() -> str:
    """The system's clock, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Notebook:
    """Every note of one server. All methods raise StateUnavailable when the store can not be asked."""

    def __init__(self, state: State, *, now: Callable[[], str] = utc_now, limit: int = MAX_NOTES) -> None:
        self._state = state
        self._now = now
        self._limit = limit

    async def all(self) -> list[Note]:
        """Every note, by name."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(key: str) -> Note | None:
            async with gate:
                return _note(await self._state.get(key))

        index, _ = await self._index()
        found = await asyncio.gather(*(one(key) for key in index.values()))
        return sorted((note for note in found if note is not None), key=lambda note: note.name)

    async def read(self, name: str) -> Note:
        """One note. Raises NoteMissing."""
        return (await self._find(name))[0]

    async def write(self, name: str, text: str, author: Author, seen: int | None) -> Note:
        """Create (`seen` None) or replace the version last seen.

        Raises NoteMissing, NoteConflict (who wrote first wins), NotebookFull, NotebookBusy.
        """
        if seen is None:
            return await self._create(name, text, author)

        async def attempt() -> Note | None:
            note, key, entry = await self._find(name)
            if note.version != seen:
                raise NoteConflict(note.version)
            changed = replace(note, text=text, version=seen + 1, updated_at=self._now(), updated_by=author)
            return changed if await self._state.replace(key, cast("Json", asdict(changed)), entry.etag) else None

        return await _insist(attempt)

    async def delete(self, name: str, seen: int | None) -> Note:
        """Remove a note, at that version when one is given; what was removed. Raises NoteMissing, NoteConflict."""

        async def attempt() -> tuple[Note, str] | None:
            note, key, entry = await self._find(name)
            if seen not in {None, note.version}:
                raise NoteConflict(note.version)
            return (note, key) if await self._state.replace(key, {"deleted": True}, entry.etag) else None

        note, key = await _insist(attempt)
        await self._unlist(name, key)
        await self._state.delete(key)
        return note

    async def _create(self, name: str, text: str, author: Author) -> Note:
        now = self._now()
        note = Note(
            name=name, text=text, version=1, created_at=now, created_by=author, updated_at=now, updated_by=author
        )
        key = f"note-{secrets.token_hex(16)}"
        await self._state.insert(key, cast("Json", asdict(note)))
        try:
            await _insist(lambda: self._list(name, key))
        except (NoteConflict, NotebookFull, NotebookBusy):
            await self._state.delete(key)
            raise
        return note

    async def _list(self, name: str, key: str) -> bool:
        """Enter a new record under a free name. False: someone else changed the index first."""
        index, entry = await self._index()
        if name in index and (there := _note(await self._state.get(index[name]))) is not None:
            raise NoteConflict(there.version)
        if name not in index and len(index) >= self._limit:
            index = await self._alive(index)
            if len(index) >= self._limit:
                raise NotebookFull
        return await self._put_index({**index, name: key}, entry)

    async def _alive(self, index: Mapping[str, str]) -> dict[str, str]:
        """The index without names whose deletion was cut short."""
        return {name: key for name, key in index.items() if _note(await self._state.get(key)) is not None}

    async def _unlist(self, name: str, key: str) -> None:
        async def attempt() -> bool:
            index, entry = await self._index()
            if index.get(name) != key:
                return True
            return await self._put_index({known: at for known, at in index.items() if known != name}, entry)

        await _insist(attempt)

    async def _find(self, name: str) -> tuple[Note, str, Entry]:
        index, _ = await self._index()
        entry = await self._state.get(index[name]) if name in index else None
        note = _note(entry)
        if note is None or entry is None:
            raise NoteMissing
        return note, index[name], entry

    async def _index(self) -> tuple[dict[str, str], Entry | None]:
        entry = await self._state.get(_INDEX)
        return (dict(cast("Mapping[str, str]", entry.value)) if entry else {}), entry

    async def _put_index(self, index: Mapping[str, str], seen: Entry | None) -> bool:
        if seen is None:
            return await self._state.insert(_INDEX, index)
        return await self._state.replace(_INDEX, index, seen.etag)


async def _insist(attempt: Callable[[], Awaitable[_T | None]]) -> _T:
    """Try a compare-and-set again while others win the race. Raises NotebookBusy after the last attempt."""
    for turn in range(_ATTEMPTS):
        if done := await attempt():
            return done
        await asyncio.sleep(random.uniform(0, 0.002 * min(turn + 1, 20)))  # noqa: S311 - spreads writers, guards nothing
    raise NotebookBusy


def _note(entry: Entry | None) -> Note | None:
    """The note of a record, or None when it is gone."""
    if entry is None:
        return None
    record = cast("Mapping[str, Any]", entry.value)
    if record.get("deleted"):
        return None
    return _RECORD.validate_python(record)
