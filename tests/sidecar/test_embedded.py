"""What only the SQLite file promises: several processes, private, swept, and never in the way of the event loop."""

import asyncio
import json
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sidecar.connect import connect
from sidecar.embedded import SqliteState
from sidecar.state import StateUnavailable

if TYPE_CHECKING:
    from tests.sidecar.conftest import Clock

RACE = """
import asyncio, json, pathlib, sys
from sidecar.embedded import SqliteState
async def main():
    async with SqliteState(pathlib.Path(sys.argv[1]), "app") as state:
        sys.stdin.readline()
        marks = [await state.insert(f"key-{n}", sys.argv[2]) for n in range(50)]
        print(json.dumps([marks, await state.replace("spent", sys.argv[2], sys.argv[3])]))
asyncio.run(main())
"""


def _race_of_processes(path: Path, etag: str) -> list[tuple[list[bool], bool]]:
    argv = [sys.executable, "-c", RACE, str(path)]
    running = [
        subprocess.Popen([*argv, str(n), etag], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [json.loads(process.communicate()[0]) for process in running]


async def test_of_several_processes_exactly_one_wins_each_key(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteState(path, "app") as state:
        await state.insert("spent", "no")
        entry = await state.get("spent")
    assert entry is not None
    # All of them hold the mark from before the race: one that read it later would rightly win once more.
    answers = await asyncio.to_thread(_race_of_processes, path, entry.etag)
    for key in range(50):
        assert sum(marks[key] for marks, _ in answers) == 1
    assert sum(spent for _, spent in answers) == 1


async def test_apps_share_the_file_and_not_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteState(path, "one") as one, SqliteState(path, "two") as two:
        assert await one.insert("key", 1)
        assert await two.get("key") is None
        assert await two.insert("key", 2)


async def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    path = tmp_path / "data" / "state.db"
    async with SqliteState(path, "app") as state:
        await state.insert("key", 1)
        files = list(path.parent.iterdir())
        assert len(files) == 3
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_what_has_expired_is_swept_by_later_writes(tmp_path: Path, clock: "Clock") -> None:
    path = tmp_path / "state.db"
    async with SqliteState(path, "app", clock=clock) as state:
        for number in range(20):
            await state.insert(f"short-{number}", 1, ttl=10)
        await state.insert("long", 1, ttl=1000)
        clock.now += 61
        await state.put("other", 1)
    with sqlite3.connect(path) as plain:
        keys = {row[0] for row in plain.execute("SELECT key FROM state")}
    plain.close()
    assert keys == {"app||long", "app||other"}


async def test_a_file_locked_by_another_process_does_not_stop_the_event_loop(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with SqliteState(path, "app") as state:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        write = asyncio.create_task(state.insert("key", 1))
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert not write.done()
        other.execute("ROLLBACK")
        other.close()
        assert await write


async def test_a_file_that_cannot_be_opened_is_an_outage_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(StateUnavailable, match=str(tmp_path)):
        async with SqliteState(tmp_path, "app"):
            pass


async def test_a_file_that_is_no_database_is_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("this is no database" * 100)
    with pytest.raises(StateUnavailable, match="not a database"):
        async with SqliteState(path, "app"):
            pass


async def test_without_the_environment_of_dapr_an_app_is_embedded(tmp_path: Path) -> None:
    async with connect({}, app_id="notes", data=tmp_path, routes={"http://localhost:9000": "auth-server"}) as sidecar:
        assert sidecar.mode == "embedded"
        assert await sidecar.state.insert("key", 1)
    assert (tmp_path / "state.db").exists()
