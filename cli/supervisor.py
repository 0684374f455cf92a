"""Starts programs together, starts again what ends, and ends them all."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol, cast

from cli.errors import Failure
from cli.programs import Child, Program, Role, start
from cli.readiness import wait_ready

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_SETTLED: Final = 10.0
GRACE: Final[dict[Role, float]] = {"app": 7.0, "sidecar": 2.5}
"""Seconds to end in: requests under way get five of them (sidecar/process.py), an agent's runs one and a half more
(a2a_server.py) before they are failed, and both together stay under ten."""


class Log(Protocol):
    """Where the lines of programs and the supervisor's own go."""

    def line(self, label: str, text: str) -> None:
        """What a program wrote."""
        ...

    def note(self, text: str) -> None:
        """What the supervisor did."""
        ...


class Supervisor:
    """Programs that live and end together. `on_change` is told whenever a pid has changed."""

    def __init__(self, programs: Sequence[Program], log: Log, on_change: Callable[[], None] = lambda: None) -> None:
        self._programs = programs
        self._log = log
        self._on_change = on_change
        self._children: dict[tuple[str, Role], Child] = {}
        self._last: dict[tuple[str, Role], str] = {}
        self._ready = False
        self._stopping = asyncio.Event()

    def pid(self, name: str, role: Role) -> int | None:
        """The pid a program has now, if it runs."""
        child = self._children.get((name, role))
        return child.pid if child and child.running else None

    async def keep_one(self, program: Program) -> None:
        """Run one program, again and again, until the stop. Raises Failure when it ends before all were ready."""
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run_once(program)
            if self._stopping.is_set():
                return
            if not self._ready:
                last = _in_words(self._last.get((program.name, program.role), "it said nothing"))
                raise Failure(f"{program.label} ended with {code} before it was ready: {last}")
            pause = _FIRST_PAUSE if time.monotonic() - began > _SETTLED else pause
            self._log.note(f"{program.label} ended with {code}: starting it again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def all_ready(self, seconds: float) -> None:
        """Wait until every program can serve. Raises Failure that names those which cannot."""
        await wait_ready(self._programs, seconds, self._log.note)
        self._ready = True
        self._on_change()

    async def stop(self) -> None:
        """End everything: apps first, so that their last requests still find a sidecar."""
        self._stopping.set()
        for role in ("app", "sidecar"):
            await self._end([child for (_, own), child in self._children.items() if own == role], GRACE[role])

    async def _run_once(self, program: Program) -> int:
        def on_line(text: str) -> None:
            self._last[program.name, program.role] = text
            self._log.line(program.label, text)

        child = await start(program, on_line)
        self._children[program.name, program.role] = child
        if self._stopping.is_set():
            child.signal(signal.SIGKILL)
        elif self._ready:
            self._on_change()
        return await child.ended()

    async def _end(self, children: Sequence[Child], grace: float) -> None:
        living = [child for child in children if child.running]
        for child in living:
            child.signal(signal.SIGTERM)
        ends = [asyncio.create_task(child.ended()) for child in living]
        if not ends:
            return
        _, late = await asyncio.wait(ends, timeout=grace)
        if late:
            self._log.note(f"{len(late)} did not end within {grace:g} s and will be killed")
        for child in living:
            child.signal(signal.SIGKILL)
        await asyncio.gather(*ends)


@asynccontextmanager
async def supervised(
    programs: Sequence[Program], log: Log, *, seconds: float = 120, on_change: Callable[[Supervisor], None]
) -> AsyncGenerator[Supervisor]:
    """All programs, ready, for as long as the block runs; nothing stays behind. Raises Failure."""
    supervisor = Supervisor(programs, log, lambda: on_change(supervisor))
    keepers = [asyncio.create_task(supervisor.keep_one(program)) for program in programs]
    try:
        await _first_of(supervisor.all_ready(seconds), keepers)
        yield supervisor
    finally:
        await asyncio.shield(_finish(supervisor, keepers))


async def _first_of(ready: Coroutine[Any, Any, None], keepers: Sequence[asyncio.Task[None]]) -> None:
    waiting = asyncio.create_task(ready)
    try:
        await asyncio.wait([waiting, *keepers], return_when=asyncio.FIRST_COMPLETED)
        for task in keepers:
            if task.done():
                task.result()
        await waiting
    finally:
        waiting.cancel()


async def _finish(supervisor: Supervisor, keepers: Sequence[asyncio.Task[None]]) -> None:
    await supervisor.stop()
    await asyncio.gather(*keepers, return_exceptions=True)


def _in_words(line: str) -> str:
    """A log line as part of a sentence: our apps write JSON."""
    try:
        parsed: object = json.loads(line)
    except ValueError:
        return line
    fields = cast("dict[str, object]", parsed) if isinstance(parsed, dict) else {}
    words = [str(fields[name]) for name in ("event", "msg", "why") if fields.get(name)]
    return ": ".join(words) or line
