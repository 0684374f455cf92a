"""Processes on cores: the measured server has one to itself, whoever measures it has the other."""

import asyncio
import os
import re
import shutil
import socket
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Server:
    """A process under measurement."""

    name: str
    port: int
    pid: int

    def resident(self) -> float:
        """Its resident memory now, in MiB. NaN where the system does not tell."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        except OSError:
            return float("nan")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else float("nan")

    def processor(self) -> float:
        """Seconds of processor time it has used, in user code and in the kernel, all its threads."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return float("nan")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class NotReadyError(Exception):
    """A server did not answer in time; its last words are in the message."""


def cores() -> list[int]:
    """The cores this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def stay_off(core: int) -> None:
    """Keep this process off a core, where there is more than one."""
    others = set(cores()) - {core}
    if others:
        os.sched_setaffinity(0, others)


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def on_core(core: int | None, command: Sequence[str]) -> list[str]:
    """The command, pinned to a core where taskset is there."""
    taskset = shutil.which("taskset")
    return [taskset, "-c", str(core), *command] if taskset and core is not None else list(command)


@asynccontextmanager
async def serve(
    name: str, command: Sequence[str], *, port: int, log: Path, core: int | None = None, env: Mapping[str, str]
) -> AsyncGenerator[Server]:
    """Run a server until the block ends; ready once `/healthz` or anything else is answered over HTTP."""
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *on_core(core, command), cwd=ROOT, env={**inherited, **env}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        if not await _answering(port, process):
            raise NotReadyError(f"{name} is not ready: {last_words(log)}")
        yield Server(name=name, port=port, pid=process.pid)
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), timeout=10)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _answering(port: int, process: asyncio.subprocess.Process) -> bool:
    deadline = time.monotonic() + 30
    async with httpx2.AsyncClient(trust_env=False) as http:
        while process.returncode is None and time.monotonic() < deadline:
            try:
                await http.get(f"http://127.0.0.1:{port}/healthz")
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
            else:
                return True
    return False


def last_words(log: Path) -> str:
    """The end of what a server said."""
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]
