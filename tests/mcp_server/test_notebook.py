"""What the notebook promises, with two replicas on one store."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.note import Author, NotebookFull, NoteConflict, NoteMissing
from mcp_server.notebook import Notebook
from sidecar.embedded import SqliteState
from sidecar.state import Entry, Json

ADA = Author(subject="ada", client_id="desk")
BOB = Author(subject="bob", client_id="phone")


async def test_a_note_says_who_wrote_it_and_when(state: SqliteState) -> None:
    times = iter(["2026-11-23T10:00:00.000+00:00", "2026-11-23T11:00:00.000+00:00"])
    notebook = Notebook(state, now=lambda: next(times))
    await notebook.write("plan", "first", ADA, None)
    note = await notebook.write("plan", "second", BOB, 1)
    assert await notebook.read("plan") == note
    assert (note.created_by, note.updated_by) == (ADA, BOB)
    assert (note.created_at, note.updated_at) == ("2026-11-23T10:00:00.000+00:00", "2026-11-23T11:00:00.000+00:00")
    assert (note.text, note.version) == ("second", 2)


async def test_a_note_says_who_acted_for_its_author_after_a_restart_too(tmp_path: Path) -> None:
    through = Author(subject="ada", client_id="scribe", actors=("client:scribe", "client:concierge"))
    async with SqliteState(tmp_path / "kept.db", "notes") as before:
        await Notebook(before).write("plan", "kept", through, None)
    async with SqliteState(tmp_path / "kept.db", "notes") as after:
        assert (await Notebook(after).read("plan")).created_by == through


async def test_a_note_from_before_actors_were_kept_is_read_and_goes_on(state: SqliteState) -> None:
    notebook = Notebook(state)
    await notebook.write("plan", "old", ADA, None)
    index = await state.get("notes-index")
    assert index is not None
    key = cast("dict[str, str]", index.value)["plan"]
    entry = await state.get(key)
    assert entry is not None
    record = cast("dict[str, Any]", entry.value)
    for field in ("created_by", "updated_by"):
        del record[field]["actors"]
    assert await state.replace(key, record, entry.etag)
    assert (await notebook.read("plan")).created_by == ADA
    assert (await notebook.write("plan", "new", BOB, 1)).created_by == ADA


async def test_notes_survive_a_restart(tmp_path: Path) -> None:
    async with SqliteState(tmp_path / "kept.db", "notes") as before:
        await Notebook(before).write("plan", "kept", ADA, None)
    async with SqliteState(tmp_path / "kept.db", "notes") as after:
        assert (await Notebook(after).read("plan")).text == "kept"


async def test_every_note_of_many_writers_on_two_replicas_is_kept(state: SqliteState, other: SqliteState) -> None:
    replicas = [Notebook(state), Notebook(other)]
    names = [f"note {number:02}" for number in range(40)]
    await asyncio.gather(*(replicas[at % 2].write(name, name, ADA, None) for at, name in enumerate(names)))
    assert [note.name for note in await replicas[0].all()] == names


async def test_of_many_creators_of_one_name_exactly_one_wins(state: SqliteState, other: SqliteState) -> None:
    replicas = [Notebook(state), Notebook(other)]
    tries = [replicas[at % 2].write("plan", f"from {at}", ADA, None) for at in range(10)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    won = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(won) == 1
    assert all(isinstance(answer, NoteConflict) for answer in answers if isinstance(answer, BaseException))
    assert await replicas[0].read("plan") == won[0]


async def test_of_many_writers_of_one_version_exactly_one_wins(state: SqliteState, other: SqliteState) -> None:
    replicas = [Notebook(state), Notebook(other)]
    await replicas[0].write("plan", "first", ADA, None)
    tries = [replicas[at % 2].write("plan", f"from {at}", BOB, 1) for at in range(10)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert (await replicas[1].read("plan")).version == 2


@pytest.mark.parametrize("seen", [None, 1, 3])
async def test_a_write_that_did_not_see_the_newest_words_is_a_conflict(state: SqliteState, seen: int | None) -> None:
    notebook = Notebook(state)
    await notebook.write("plan", "first", ADA, None)
    await notebook.write("plan", "second", ADA, 1)
    with pytest.raises(NoteConflict) as conflict:
        await notebook.write("plan", "third", BOB, seen)
    assert conflict.value.version == 2
    assert (await notebook.read("plan")).text == "second"


async def test_a_delete_that_did_not_see_the_newest_words_is_a_conflict(state: SqliteState) -> None:
    notebook = Notebook(state)
    await notebook.write("plan", "first", ADA, None)
    await notebook.write("plan", "second", BOB, 1)
    with pytest.raises(NoteConflict):
        await notebook.delete("plan", 1)
    assert (await notebook.read("plan")).text == "second"


async def test_a_deleted_note_is_gone_and_its_name_is_free(state: SqliteState, other: SqliteState) -> None:
    notebook, elsewhere = Notebook(state), Notebook(other)
    await notebook.write("plan", "first", ADA, None)
    await notebook.delete("plan", 1)
    assert await elsewhere.all() == []
    with pytest.raises(NoteMissing):
        await elsewhere.read("plan")
    with pytest.raises(NoteMissing):
        await elsewhere.write("plan", "late", BOB, 1)
    assert (await elsewhere.write("plan", "new", BOB, None)).version == 1


async def test_a_notebook_has_a_limit_that_racing_writers_can_not_pass(state: SqliteState, other: SqliteState) -> None:
    replicas = [Notebook(state, limit=5), Notebook(other, limit=5)]
    tries = [replicas[at % 2].write(f"note {at}", "x", ADA, None) for at in range(12)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, NotebookFull) for answer in answers) == 7
    assert len(await replicas[0].all()) == 5


async def test_a_note_whose_deletion_was_cut_short_does_not_count(state: SqliteState) -> None:
    notebook = Notebook(Interrupted(state, "delete"), limit=1)
    await notebook.write("old", "x", ADA, None)
    with pytest.raises(Killed):
        await notebook.delete("old", None)
    again = Notebook(state, limit=1)
    assert await again.all() == []
    assert (await again.write("new", "y", ADA, None)).version == 1


async def test_a_note_whose_writing_was_cut_short_never_was(state: SqliteState) -> None:
    with pytest.raises(Killed):
        await Notebook(Interrupted(state, "insert")).write("half", "x", ADA, None)
    assert await Notebook(state).all() == []
    assert (await Notebook(state).write("half", "whole", ADA, None)).text == "whole"


class Killed(Exception):
    """The process ended here."""


class Interrupted:
    """A store whose process is killed at its second change of one kind: after the record, before the index."""

    def __init__(self, state: SqliteState, cut: str) -> None:
        self._state = state
        self._cut = cut

    async def get(self, key: str) -> Entry | None:
        return await self._state.get(key)

    async def insert(self, key: str, value: Json, *, ttl: int | None = None) -> bool:
        return await self._unless("insert", key, lambda: self._state.insert(key, value, ttl=ttl))

    async def replace(self, key: str, value: Json, etag: str, *, ttl: int | None = None) -> bool:
        return await self._unless("delete", key, lambda: self._state.replace(key, value, etag, ttl=ttl))

    async def put(self, key: str, value: Json, *, ttl: int | None = None) -> None:
        await self._state.put(key, value, ttl=ttl)

    async def delete(self, key: str) -> None:
        await self._state.delete(key)

    async def _unless(self, kind: str, key: str, change: Callable[[], Awaitable[bool]]) -> bool:
        if kind == self._cut and key == "notes-index":
            raise Killed
        return await change()
