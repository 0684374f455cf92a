"""One A2A task as it is kept: the record's form, and where it and its steps are. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from a2a.server.cluster.version import TaskVersion
from a2a.types.a2a_pb2 import Task, TaskState
from google.protobuf.json_format import MessageToDict, ParseDict

from daca_agents.task_rules import TERMINAL
from sidecar.state import Entry


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One record: the task, whose it is, how often it was written, and which replica works on it."""

    task: Task
    owner: str
    version: int
    holder: str

    def told(self) -> Mapping[str, Any]:
        """As it is written."""
        task = MessageToDict(self.task)
        return {"owner": self.owner, "version": self.version, "holder": self.holder, "task": task}


def may_follow(task: Task, kept: Kept, prev: TaskVersion) -> bool:
    """Whether this write may come after what is there: a cancellation after anything that still goes on."""
    if kept.task.status.state in TERMINAL:
        return False
    if task.status.state == TaskState.TASK_STATE_CANCELED:
        return True
    return TaskVersion(kept.version) == prev


def kept_of(entry: Entry | None) -> Kept | None:
    """What a record says; None for none."""
    if entry is None:
        return None
    value = cast("Mapping[str, Any]", entry.value)
    task = ParseDict(value["task"], Task())
    return Kept(task=task, owner=value["owner"], version=value["version"], holder=value["holder"])


def task_key(task_id: str) -> str:
    """Where the record is."""
    return f"task-{task_id}"


def event_key(task_id: str, version: int) -> str:
    """Where the event that made this version is."""
    return f"task-event-{task_id}-{version}"
