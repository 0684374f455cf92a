"""What runs in a data folder: a file for other commands, and a lock that the kernel lets go when its owner ends."""

import errno
import fcntl
import json
import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from cli.errors import Failure
from cli.settings import Mode

_TRIES = 10
_PAUSE = 0.05


@dataclass(frozen=True, kw_only=True)
class RunningSidecar:
    """A sidecar as other commands reach it. Its token opens its API: the file is for its owner's eyes only."""

    pid: int
    http_port: int
    api_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class RunningApp:
    """An app that runs now."""

    pid: int
    port: int
    url: str
    sidecar: RunningSidecar | None = None


@dataclass(frozen=True, kw_only=True)
class Running:
    """One `daca up`."""

    pid: int
    mode: Mode
    issuer: str
    identity: str
    apps: Mapping[str, RunningApp]


def read_running(data: Path) -> Running | None:
    """What runs in this folder now; None when nothing does, whatever a file left by a kill may say."""
    if not _is_locked(data):
        return None
    try:
        return _parse(json.loads(_file(data).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_running(data: Path, running: Running) -> None:
    """Replace the file whole, mode 0600. The caller holds the lock."""
    part = data / ".run.json.part"
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(running), file, indent=1)
    part.replace(_file(data))


@contextmanager
def sole_owner(data: Path) -> Generator[None]:
    """Hold the folder for as long as the system runs. Raises Failure when another `daca up` has it."""
    lock = _open_lock(data)
    try:
        if not _take(lock):
            raise Failure(already_running(data, read_running(data)))
        try:
            yield
        finally:
            _file(data).unlink(missing_ok=True)
    finally:
        os.close(lock)


def already_running(data: Path, other: Running | None) -> str:
    """What to say to a second one."""
    who = f" (pid {other.pid})" if other else ""
    return f"a system is already running in {data}{who}: stop it, or choose another folder with --data"


def _file(data: Path) -> Path:
    return data / "run.json"


def _open_lock(data: Path) -> int:
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(data / ".run.lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise Failure(f"cannot write to {data}: {error.strerror}; choose another folder with --data") from error


def _take(lock: int) -> bool:
    """A reader holds the lock for an instant to see whether it is free, so one refusal is not an answer."""
    for _ in range(_TRIES):
        if _try(lock, fcntl.LOCK_EX):
            return True
        time.sleep(_PAUSE)
    return False


def _is_locked(data: Path) -> bool:
    try:
        lock = os.open(data / ".run.lock", os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)


def _try(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return False
        raise
    return True


def _parse(parsed: dict[str, Any]) -> Running:
    apps = cast("dict[str, dict[str, Any]]", parsed.pop("apps"))
    return Running(**parsed, apps={name: _parse_app(app) for name, app in apps.items()})


def _parse_app(parsed: dict[str, Any]) -> RunningApp:
    sidecar = cast("dict[str, Any] | None", parsed.pop("sidecar"))
    return RunningApp(**parsed, sidecar=RunningSidecar(**sidecar) if sidecar else None)
