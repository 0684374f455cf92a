"""Real processes on free ports, each system in a folder of its own."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import pytest
import yaml

from cli.declared import read_declared
from cli.main import run
from cli.story.identity import at_port, for_story
from tests.ports import free_ports

ROOT = Path(__file__).resolve().parent.parent.parent
DACA = str(Path(sys.executable).with_name("daca"))
ISSUER = "http://localhost:9000"
DECLARED = read_declared(ROOT / "identity.yaml").resources
URLS = {"auth-server": ISSUER, **DECLARED}
AGENTS = [name for name in DECLARED if (ROOT / "agents" / "profiles" / f"{name}.yaml").is_file()]


def _end_as_a_process_does() -> None:
    """Let go of what a command leaves to the end of its process: here that never comes, and another test would hear."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _lives(pid: int) -> bool:
    """Whether a process is there, and not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass(frozen=True, kw_only=True)
class Up:
    """A `daca up` that is ready."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    log: Path
    data: Path

    def pids(self) -> dict[str, int]:
        """Every process it runs, by name: apps, and sidecars as `<app> daprd`."""
        apps = json.loads((self.data / "run.json").read_text())["apps"]
        found = {name: int(app["pid"]) for name, app in apps.items()}
        return found | {f"{name} daprd": int(app["sidecar"]["pid"]) for name, app in apps.items() if app["sidecar"]}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it: its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@dataclass(frozen=True, kw_only=True)
class World:
    """A data folder, an identity file on free ports, and the command."""

    folder: Path
    urls: Mapping[str, str]
    environ: Mapping[str, str] = field(repr=False)

    @property
    def data(self) -> Path:
        """Where this system's state is."""
        return self.folder / "data"

    def living(self, pids: Mapping[str, int], seconds: float = 0) -> list[str]:
        """The names of those processes that are still there after so many seconds at most."""
        end = time.monotonic() + seconds
        while left := [name for name, pid in pids.items() if _lives(pid)]:
            if time.monotonic() >= end:
                break
            time.sleep(0.05)
        return left

    def daca(self, *arguments: str, stdin: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run one command to its end, in this process: loading everything anew takes longer than most commands."""
        out, err = StringIO(), StringIO()
        with (
            patch.dict(os.environ, {**self.environ, **environ}, clear=True),
            patch("sys.stdin", StringIO(stdin)),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = run(list(arguments))
            _end_as_a_process_does()
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def process(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one command to its end, as a user does."""
        return subprocess.run(
            [DACA, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=ROOT,
            env=dict(self.environ),
        )

    def start_daca(self, *arguments: str) -> "subprocess.Popen[str]":
        """Begin one command; its output is piped."""
        return subprocess.Popen(
            [DACA, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**self.environ, "PYTHONUNBUFFERED": "1"},
        )

    def ok(self, *arguments: str, **environ: str) -> str:
        """The output of a command that must succeed."""
        done = self.daca(*arguments, **environ)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: str, **environ: str) -> Any:
        """The JSON of a command that must succeed."""
        return json.loads(self.ok(*arguments, "--json", **environ))

    def refused(self, *arguments: str, code: int = 1, stdin: str = "", **environ: str) -> str:
        """The one line of a command that must fail."""
        done = self.daca(*arguments, stdin=stdin, **environ)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        lines = done.stderr.splitlines()
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith("daca: ")
        return lines[0]

    def refused_soon(self, *arguments: str, **environ: str) -> str:
        """The one line of a command that must fail within seconds: what another process changed is read again then."""
        end = time.monotonic() + 60
        while self.daca(*arguments, **environ).returncode == 0 and time.monotonic() < end:
            time.sleep(0.2)
        return self.refused(*arguments, code=1, stdin="", **environ)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Begin `daca up --json`, its log in a file."""
        with (self.folder / "log").open("a") as log:
            return subprocess.Popen(
                [DACA, "up", *arguments, "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=dict(self.environ),
            )

    @contextmanager
    def up(self, *arguments: str) -> Generator[Up]:
        """Until the end of the block; whatever happens, nothing of it stays."""
        process = self.start(*arguments)
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line, (self.folder / "log").read_text()[-4000:]
            yield Up(process=process, ready=json.loads(line), log=self.folder / "log", data=self.data)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=60)
            if process.stdout:
                process.stdout.close()


def make_world(folder: Path) -> World:
    """A world on ports of its own."""
    urls = {name: at_port(url, port) for (name, url), port in zip(URLS.items(), free_ports(len(URLS)), strict=True)}
    moved = {URLS[name]: url for name, url in urls.items()}
    identity = cast("object", yaml.safe_load((ROOT / "identity.yaml").read_text()))
    (folder / "identity.yaml").write_text(yaml.safe_dump(for_story(identity, short_lived="", moved=moved)))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("DACA_", "DAPR_"))}
    own = {
        "DACA_DATA": str(folder / "data"),
        "DACA_IDENTITY": str(folder / "identity.yaml"),
        "DACA_ISSUER": urls["auth-server"],
        "DACA_VAULT": "file",  # what another test gives the library as a keyring is no keyring of this world
        "NO_COLOR": "1",
    }
    return World(folder=folder, urls=urls, environ={**environ, **own})


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world for one test."""
    return make_world(tmp_path)


MODES = [
    pytest.param("embedded", marks=pytest.mark.xdist_group("cli-embedded")),
    pytest.param("sidecars", marks=[pytest.mark.needs("daprd"), pytest.mark.xdist_group("cli-sidecars")]),
]


@pytest.fixture(scope="module", params=MODES)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[World, Up]]:
    """Everything, running, in each mode; one system for all tests of a file."""
    world = make_world(tmp_path_factory.mktemp("system"))
    with world.up(f"--{request.param}") as up:
        yield world, up
