"""One child process: started on a leash, its lines passed on, ended with everything it started itself."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

Role: TypeAlias = Literal["app", "sidecar"]

_LEASH: Final = Path(__file__).with_name("leash.py")
_LONGEST_LINE: Final = 2**20


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run, and where it says that it can serve (an HTTP 2xx)."""

    name: str
    role: Role
    argv: tuple[str, ...]
    health: str
    environ: Mapping[str, str] = field(repr=False)

    @property
    def label(self) -> str:
        """Its name in logs."""
        return self.name if self.role == "app" else f"{self.name} daprd"


class Child:
    """A running program. `on_line` gets each line that it writes, on either stream."""

    def __init__(self, process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
        self._process = process
        self._pump = asyncio.create_task(_pump(process, on_line))

    @property
    def pid(self) -> int:
        """Of the program itself: the leash becomes it."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not been seen to end."""
        return self._process.returncode is None

    async def ended(self) -> int:
        """Wait for its end and its last line: the exit code, negative for a signal."""
        code = await self._process.wait()
        # What it started may hold its pipe open for ever; nothing of it is to outlive it.
        self.signal(signal.SIGKILL)
        await self._pump
        return code

    def signal(self, number: signal.Signals) -> None:
        """To it and everything it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


async def start(program: Program, on_line: Callable[[str], None]) -> Child:
    """Start in a session of its own: Ctrl-C in the terminal reaches only the supervisor, which ends all in order."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(_LEASH), str(os.getpid())),
        *program.argv,
        env=dict(program.environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        limit=_LONGEST_LINE,
    )
    return Child(process, on_line)


async def _pump(process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
    stream = process.stdout
    while stream is not None:
        try:
            line = await stream.readline()
        except ValueError:
            on_line("(a line of more than 1 MiB was left out)")
            continue
        if not line:
            return
        on_line(line.decode(errors="replace").rstrip())
