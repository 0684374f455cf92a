"""A2A tasks in the app's state: any replica goes on with any task, and no two move the same one.

One record a task, replaced by compare-and-set; its `version` counts the writes. Beside it the event of each write, for
those who listen at another replica, and a list of each owner's latest tasks. Everything goes away by itself.
"""

import asyncio
import time
from collections.abc import Callable

from a2a.server.cluster.task_store import ConcurrentTaskModificationError, StoredTask, VersionedTaskStore
from a2a.server.cluster.version import TaskVersion
from a2a.server.context import ServerCallContext
from a2a.server.events import Event
from a2a.server.tasks import InMemoryTaskStore
from a2a.types.a2a_pb2 import ListTasksRequest, ListTasksResponse, Task, TaskState
from a2a.utils.proto_utils import to_stream_response
from google.protobuf.json_format import MessageToDict
from typing_extensions import override

from daca_agents.holding import Holder
from daca_agents.task_index import TaskIndex
from daca_agents.task_record import Kept, event_key, kept_of, may_follow, task_key
from daca_agents.task_rules import interrupted, is_id, is_only_words, trimmed
from sidecar.state import Entry, State

LIFE = 7 * 24 * 3600
"""Seconds that a task is kept after its last step."""
EVENT_LIFE = 3600
"""Seconds that the event of one step is kept for listeners."""
_ATTEMPTS = 8


class StateTaskStore(VersionedTaskStore):
    """The SDK's task store over `sidecar.state`. The user of a call context is the owner's name.

    A task whose replica is gone is failed by whoever reads it next: nobody else knows how far its tools came.
    """

    def __init__(self, state: State, holder: Holder, *, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._holder = holder
        self._index = TaskIndex(state, ttl=LIFE)
        self._clock = clock

    @override
    async def save(
        self,
        task: Task,
        *,
        event: Event | None,
        prev: Task | None,
        prev_version: TaskVersion,
        context: ServerCallContext,
    ) -> TaskVersion:
        """One step. Raises ConcurrentTaskModificationError when another replica was first."""
        if event is not None and is_only_words(event):
            return prev_version
        await self._holder.begin(task)
        version = await self._write(task, prev_version, context)
        if event is not None:
            await self._tell(task.id, version, event)
        self._holder.ended(task)
        return TaskVersion(version)

    @override
    async def get(self, task_id: str, context: ServerCallContext) -> StoredTask | None:
        """The owner's task; to everybody else there is none."""
        kept = await self.look(task_id)
        if kept is None or kept.owner != context.user.user_name:
            return None
        return StoredTask(task=kept.task, version=TaskVersion(kept.version))

    async def look(self, task_id: str) -> Kept | None:
        """Anybody's task, as it is; for this app's own eyes."""
        if not is_id(task_id):
            return None
        entry = await self._state.get(task_key(task_id))
        kept = kept_of(entry)
        if entry is not None and kept is not None and await self._holder.is_lost(kept.holder):
            return await self._fail(entry, kept)
        return kept

    @override
    async def list(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        """The owner's latest tasks, by the SDK's own rules of order and pages."""
        page = InMemoryTaskStore()
        ids = await self._index.of(context.user.user_name)
        for found in await asyncio.gather(*(self.get(task_id, context) for task_id in ids)):
            if found is not None:
                await page.save(found.task, context)
        return await page.list(params, context)

    @override
    async def delete(self, task_id: str, context: ServerCallContext) -> None:
        """Forget the owner's task."""
        if await self.get(task_id, context) is not None:
            await self._state.delete(task_key(task_id))
            await self._index.drop(context.user.user_name, task_id)

    async def claim(self, task_id: str, context: ServerCallContext) -> bool:
        """Take an interrupted task to work on it: True for exactly one caller, however many replicas race."""
        entry = await self._state.get(task_key(task_id))
        kept = kept_of(entry)
        if entry is None or kept is None or kept.owner != context.user.user_name:
            return False
        if kept.task.status.state != TaskState.TASK_STATE_INPUT_REQUIRED:
            return False
        task = Task()
        task.CopyFrom(kept.task)
        if task.status.HasField("message"):
            task.history.append(task.status.message)
        task.status.ClearField("message")
        task.status.state = TaskState.TASK_STATE_WORKING
        task.status.timestamp.FromNanoseconds(int(self._clock() * 1e9))
        await self._holder.begin(task)
        taken = await self._replace(entry, kept, task, holder=self._holder.name)
        if not taken:
            self._holder.let_go(task_id)
        return taken

    async def fail(self, task_id: str, why: str) -> None:
        """Give up a task that this replica can not go on with."""
        entry = await self._state.get(task_key(task_id))
        kept = kept_of(entry)
        if entry is not None and kept is not None and kept.holder == self._holder.name:
            await self._fail(entry, kept, why)
        self._holder.let_go(task_id)

    async def _write(self, task: Task, prev: TaskVersion, context: ServerCallContext) -> int:
        owner = context.user.user_name
        if prev.is_missing and task.status.state != TaskState.TASK_STATE_CANCELED:
            return await self._first(task, owner)
        for _ in range(_ATTEMPTS):
            entry = await self._state.get(task_key(task.id))
            kept = kept_of(entry)
            if entry is None or kept is None or kept.owner != owner or not may_follow(task, kept, prev):
                raise ConcurrentTaskModificationError(task.id)
            if await self._replace(entry, kept, task, holder=self._holder.of(task)):
                return kept.version + 1
        raise ConcurrentTaskModificationError(task.id)

    async def _first(self, task: Task, owner: str) -> int:
        kept = Kept(task=trimmed(task), owner=owner, version=1, holder=self._holder.of(task))
        if not await self._state.insert(task_key(task.id), kept.told(), ttl=LIFE):
            raise ConcurrentTaskModificationError(task.id)
        await self._index.add(owner, task.id)
        return 1

    async def _replace(self, entry: Entry, kept: Kept, task: Task, *, holder: str) -> bool:
        new = Kept(task=trimmed(task), owner=kept.owner, version=kept.version + 1, holder=holder)
        return await self._state.replace(task_key(task.id), new.told(), entry.etag, ttl=LIFE)

    async def _fail(self, entry: Entry, kept: Kept, why: str = "the agent stopped while it worked on this") -> Kept:
        """Mark it failed, if nobody was first; what it is now."""
        task, event = interrupted(kept.task, why, at=self._clock())
        if await self._replace(entry, kept, task, holder=""):
            await self._tell(task.id, kept.version + 1, event)
        return kept_of(await self._state.get(task_key(task.id))) or kept

    async def _tell(self, task_id: str, version: int, event: Event) -> None:
        told = MessageToDict(to_stream_response(event))
        await self._state.put(event_key(task_id, version), told, ttl=EVENT_LIFE)
