"""What a task's state means here, and how much of a task is kept. Pure."""

import re
from typing import Final

from a2a.server.events import Event
from a2a.types.a2a_pb2 import Message, Part, Role, Task, TaskState, TaskStatusUpdateEvent

from daca_agents.reply import STEP

TERMINAL: Final = frozenset(
    {
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_REJECTED,
    }
)
ACTIVE: Final = frozenset(
    {TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_AUTH_REQUIRED}
)
"""Some replica works on it. With AUTH_REQUIRED it waits for a person's consent itself, and goes on by itself."""
_HISTORY: Final = 20
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def is_id(text: str) -> bool:
    """Whether a task could have this id; what a stranger sends is no key of a store before that is known."""
    return _ID.fullmatch(text) is not None


def is_only_words(event: Event) -> bool:
    """A piece of an answer in the making: worth telling at once, not worth a write. The artifact has it all."""
    if not isinstance(event, TaskStatusUpdateEvent) or event.status.state != TaskState.TASK_STATE_WORKING:
        return False
    step = event.metadata.fields[STEP].struct_value if STEP in event.metadata.fields else None
    return step is not None and step.fields["event"].string_value == "token"


def trimmed(task: Task) -> Task:
    """A copy to keep: the last messages, and no step of the run, as those are told and not kept."""
    kept = Task()
    kept.CopyFrom(task)
    del kept.history[:-_HISTORY]
    if STEP in kept.metadata.fields:
        del kept.metadata.fields[STEP]
    return kept


def interrupted(task: Task, why: str, *, at: float) -> tuple[Task, TaskStatusUpdateEvent]:
    """The task given up, and the event that says so."""
    failed = Task()
    failed.CopyFrom(task)
    if failed.status.HasField("message"):
        failed.history.append(failed.status.message)
    failed.status.state = TaskState.TASK_STATE_FAILED
    failed.status.timestamp.FromNanoseconds(int(at * 1e9))
    said = Message(
        message_id=f"{task.id}-interrupted",
        task_id=task.id,
        context_id=task.context_id,
        role=Role.ROLE_AGENT,
        parts=[Part(text=why)],
    )
    failed.status.message.CopyFrom(said)
    event = TaskStatusUpdateEvent(task_id=task.id, context_id=task.context_id, status=failed.status)
    return failed, event
