"""What comes of a message to an A2A agent, put together from what it streams and from its task. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from a2a.helpers import get_data_parts, get_message_text, get_text_parts
from a2a.types import AgentCard, AgentInterface, StreamResponse, Task, TaskState, TaskStatus, TaskStatusUpdateEvent
from google.protobuf.json_format import MessageToDict

STEP: Final = "daca"
"""The name under which a status update's metadata says what happened."""


@dataclass(kw_only=True)
class Reply:
    """What has come of a message so far; of its words no more than `most` characters each."""

    state: TaskState = TaskState.TASK_STATE_UNSPECIFIED
    task: str = ""
    context: str = ""
    said: str = ""
    """The words of the latest status that had any."""
    approvals: tuple[Mapping[str, Any], ...] = ()
    artifacts: dict[str, str] = field(default_factory=dict[str, str])
    most: int | None = None

    @property
    def text(self) -> str:
        """The answer: its artifacts, else what it said last."""
        return "\n".join(self.artifacts.values()) or self.said

    @property
    def waits(self) -> str:
        """`completed`, `failed`, …: the state as events have it."""
        return TaskState.Name(self.state).removeprefix("TASK_STATE_").lower().replace("_", "-")

    def take(self, happening: StreamResponse) -> None:
        """One thing that the agent streamed."""
        if happening.HasField("message"):
            self.state, self.context = TaskState.TASK_STATE_COMPLETED, happening.message.context_id or self.context
            self.said = get_message_text(happening.message)[: self.most]
        elif happening.HasField("task"):
            self.take_task(happening.task)
        elif happening.HasField("status_update"):
            update = happening.status_update
            self.task, self.context = update.task_id or self.task, update.context_id or self.context
            self._take_status(update.status)
        elif happening.HasField("artifact_update"):
            piece = happening.artifact_update
            before = self.artifacts.get(piece.artifact.artifact_id, "") if piece.append else ""
            self.artifacts[piece.artifact.artifact_id] = (before + _words(piece.artifact.parts))[: self.most]

    def take_task(self, task: Task) -> None:
        """The task as it stands."""
        self.task, self.context = task.id or self.task, task.context_id or self.context
        self.artifacts = {one.artifact_id: _words(one.parts)[: self.most] for one in task.artifacts}
        self._take_status(task.status)

    def _take_status(self, status: TaskStatus) -> None:
        self.state = status.state
        if status.HasField("message"):
            self.said = get_message_text(status.message)[: self.most]
            self.approvals = tuple(_approvals(get_data_parts(status.message.parts)))


def step_of(update: TaskStatusUpdateEvent) -> dict[str, Any]:
    """The step of a run that an update tells of, as it was told, with its kind as `event`; empty for none."""
    told: Any = MessageToDict(update.metadata).get(STEP)
    step = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    return step if isinstance(step.get("event"), str) else {}


def with_endpoints(card: AgentCard, usable: Callable[[AgentInterface], bool]) -> AgentCard | None:
    """The card with those of its endpoints that may be used, or None where there is none."""
    own = [one for one in card.supported_interfaces if usable(one)]
    if not own:
        return None
    found = AgentCard()
    found.CopyFrom(card)
    del found.supported_interfaces[:]
    found.supported_interfaces.extend(own)
    return found


def _approvals(parts: list[Any]) -> list[Mapping[str, Any]]:
    """What a person must decide, as far as it says which call it is."""
    listed: list[Any] = []
    for part in parts:
        found: object = cast("Mapping[str, Any]", part).get("approvals") if isinstance(part, Mapping) else None
        listed += cast("list[Any]", found) if isinstance(found, list) else []
    return [cast("Mapping[str, Any]", one) for one in listed if isinstance(one, Mapping) and _named(cast("Any", one))]


def _named(approval: Mapping[str, Any]) -> bool:
    return isinstance(approval.get("call"), str)


def _words(parts: Any) -> str:
    return "\n".join(get_text_parts(parts))
