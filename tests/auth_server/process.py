"""The server as a process of its own, over the folder of a world."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.auth_server.world import SECRETS, World

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 60


def environment(world: World, port: int) -> dict[str, str]:
    path = world.folder / "secrets.json"
    path.write_text(json.dumps(SECRETS), encoding="utf-8")
    path.chmod(0o600)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DACA_", "DAPR_"))}
    ours = {"DATA": str(world.folder), "IDENTITY": str(world.identity), "PORT": str(port)}
    return {**kept, **{f"DACA_{name}": value for name, value in ours.items()}}


@contextmanager
def running(world: World, port: int, module: str = "auth_server") -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", module]
    surroundings = environment(world, port)
    with subprocess.Popen(command, cwd=ROOT, env=surroundings, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait(port, process)
            yield process
        finally:
            process.kill()


def _wait(port: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200:
                return
        except httpx2.HTTPError:
            time.sleep(0.05)
    pytest.fail("the server did not start")
