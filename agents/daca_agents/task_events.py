"""The steps of a task for those who listen at another replica than the one that works on it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

from a2a.server.cluster.event_stream import TaskEventStream, VersionedEvent
from a2a.server.cluster.version import TaskVersion
from a2a.server.events import Event
from a2a.types.a2a_pb2 import StreamResponse
from google.protobuf.json_format import ParseDict
from typing_extensions import override

from daca_agents.task_record import event_key
from daca_agents.task_rules import TERMINAL
from daca_agents.tasks import StateTaskStore
from sidecar.state import State

_POLL_SECONDS = 0.25
_LISTEN_SECONDS = 600.0


class StateEventStream(TaskEventStream):
    """Polls the state for the event of each next version. Pieces of text are no versions: they are heard only live."""

    def __init__(self, state: State, store: StateTaskStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._store = store
        self._clock = clock

    @override
    async def publish(self, task_id: str, event: VersionedEvent) -> None:
        """Nothing to do: the store has written it with the step."""

    @override
    async def subscribe(self, task_id: str, *, after: TaskVersion) -> AsyncGenerator[VersionedEvent]:
        """Each event after that version; where one is missing, the task as it is instead. Ends when the task does."""
        seen, until = number_of(after), self._clock() + _LISTEN_SECONDS
        late = False
        while self._clock() < until:
            found = await self._next(task_id, seen)
            if found is None:
                kept = await self._store.look(task_id)
                if kept is None or (kept.version <= seen and kept.task.status.state in TERMINAL):
                    return
                # A step is written before it is told: what is not there yet is waited for, once.
                if kept.version <= seen or not late:
                    late = kept.version > seen
                    await asyncio.sleep(_POLL_SECONDS)
                    continue
                found = VersionedEvent(event=kept.task, version=TaskVersion(kept.version))
            seen, late = number_of(found.version), False
            yield found

    @override
    async def destroy(self, task_id: str) -> None:
        """Nothing to do: what is told goes away by itself."""

    async def _next(self, task_id: str, seen: int) -> VersionedEvent | None:
        entry = await self._state.get(event_key(task_id, seen + 1))
        return None if entry is None else VersionedEvent(event=_event(entry.value), version=TaskVersion(seen + 1))


def _event(value: object) -> Event:
    told = ParseDict(cast("dict[str, Any]", value), StreamResponse())
    return getattr(told, cast("str", told.WhichOneof("payload")))


def number_of(version: TaskVersion) -> int:
    """How often the task had been written. The SDK has versions compared, not read; here they are counted."""
    return int(version._value)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
