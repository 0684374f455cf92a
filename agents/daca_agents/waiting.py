"""A run that waits for a person, as the A2A task that says so; whichever way it was asked."""

import time
import uuid
from collections.abc import Mapping, Sequence

from a2a.server.cluster.version import TaskVersion
from a2a.types.a2a_pb2 import Message, Part, Role, Task, TaskState, TaskStatus

from daca_agents.a2a_message import data_part, text_part
from daca_agents.approvals import Paused
from daca_agents.parked import Parked
from daca_agents.requests import context_of
from daca_agents.tasks import StateTaskStore
from resource_server import Caller


def asks(paused: Paused) -> Sequence[Part]:
    """What is to be decided: in words for people, as data for programs."""
    approvals = [dict(one) for one in paused.approvals]
    calls = "\n".join(f"{one['tool']} {one['arguments']}" for one in approvals)
    words = f"A person must decide: approve or reject.\n{calls}"
    return [text_part(words), data_part({"approvals": approvals})]


class Waiting:
    """Makes tasks of runs that were begun without one, by `POST /ask`, and then paused."""

    def __init__(self, store: StateTaskStore, parked: Parked) -> None:
        self._store = store
        self._parked = parked

    async def begin(self, paused: Paused, words: str, caller: Caller) -> Mapping[str, str]:
        """The ids of the task that waits now. Raises TooLarge, StateUnavailable."""
        task = Task(id=str(uuid.uuid4()), context_id=str(uuid.uuid4()))
        asked, answer = (
            _message(task, Role.ROLE_USER, [text_part(words)]),
            _message(task, Role.ROLE_AGENT, asks(paused)),
        )
        task.history.append(asked)
        task.status.CopyFrom(TaskStatus(state=TaskState.TASK_STATE_INPUT_REQUIRED, message=answer))
        task.status.timestamp.FromNanoseconds(time.time_ns())
        await self._parked.put(task.id, paused)
        await self._store.save(
            task, event=None, prev=None, prev_version=TaskVersion.MISSING, context=context_of(caller)
        )
        return {"task": task.id, "context": task.context_id}


def _message(task: Task, role: Role, parts: Sequence[Part]) -> Message:
    return Message(message_id=str(uuid.uuid4()), task_id=task.id, context_id=task.context_id, role=role, parts=parts)
