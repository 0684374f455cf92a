"""kill -9 of any part, under traffic: nothing that was told to be kept is lost, and the next call works."""

import json
import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

PARTS = ["auth-server", "notes", "researcher"]


@contextmanager
def traffic(world: Any, token: str) -> Generator[list[int]]:
    """Calls without pause from two threads; failures are what a crash looks like from outside."""
    done, statuses = threading.Event(), list[int]()

    def call() -> None:
        with httpx2.Client(timeout=5, trust_env=False) as http:
            while not done.wait(0.02):
                try:
                    answer = http.post(
                        world.urls["notes"],
                        json={"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
                        headers={"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"},
                    )
                    statuses.append(answer.status_code)
                except httpx2.HTTPError:
                    statuses.append(0)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        done.set()
        for thread in threads:
            thread.join()


def parts_of(pids: dict[str, int]) -> list[str]:
    return [part for part in pids if part.removesuffix(" daprd") in PARTS]


def test_a_killed_part_comes_back_and_nothing_is_lost(running: Any) -> None:
    world, up = running
    client = world.json("client", "add", "survivor", "--resource", "notes", "--scope", "mcp:write")
    keys = world.json("keys", "list")
    token = world.ok("token", "notes", "--client", "operator").strip()
    with traffic(world, token) as statuses:
        for number, part in enumerate(parts_of(up.pids())):
            note = {"name": f"before {part}", "text": str(number)}
            world.ok("call", "notes", "write_note", "--args", json.dumps(note), "--client", "survivor")
            killed = up.pids()[part]
            os.kill(killed, signal.SIGKILL)
            assert not world.living({part: killed}, seconds=30)
            asked = ("call", "notes", "read_note", "--args", json.dumps({"name": note["name"]}), "--client", "survivor")
            assert world.json(*asked)["structuredContent"]["text"] == str(number), f"after the end of {part}"
            assert world.ok("token", "notes", "--client", "survivor"), f"after the end of {part}"
    assert 200 in statuses[-20:], "traffic flows again"
    assert {key["kid"] for key in keys} <= {key["kid"] for key in world.json("keys", "list")}
    assert client["client_id"] in [one["client_id"] for one in world.json("client", "list")]
    assert world.daca("verify", "-", stdin=token).returncode == 0, "a token from before is still good"


def test_the_run_file_follows_the_new_pids(running: Any) -> None:
    world, up = running
    before = up.pids()
    for part in parts_of(before):
        os.kill(before[part], signal.SIGKILL)
    killed = {part: before[part] for part in parts_of(before)}
    # A dying process still has its socket: what is called then is no next call, and its answer is lost.
    assert not world.living(killed, seconds=30)
    world.ok("call", "notes", "--client", "operator")
    assert up.process.poll() is None


@pytest.mark.parametrize("mode", ["embedded", pytest.param("sidecars", marks=pytest.mark.needs("daprd"))])
def test_what_was_killed_with_its_supervisor_is_there_after_the_next_start(world: Any, mode: str) -> None:
    with world.up("auth-server", "notes", f"--{mode}") as up:
        world.json("client", "add", "kept", "--resource", "notes", "--scope", "mcp:write")
        note = '{"name": "kept", "text": "text"}'
        world.ok("call", "notes", "write_note", "--args", note, "--client", "kept")
        keys = {key["kid"] for key in world.json("keys", "list")}
        pids = up.pids()
        up.process.kill()
        up.process.wait()
        assert not world.living(pids, seconds=30)
    with world.up("auth-server", "notes", f"--{mode}"):
        assert keys <= {key["kid"] for key in world.json("keys", "list")}
        assert "text" in world.ok("call", "notes", "read_note", "--args", '{"name": "kept"}', "--client", "kept")
