"""One message to another agent over A2A, followed until it answers, gives up, or waits for somebody."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import httpx2
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.helpers import get_data_parts, get_message_text, get_text_parts
from a2a.types import (
    AgentCard,
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from google.protobuf.json_format import MessageToDict

from daca_agents.bridge import Bridge
from daca_agents.happenings import happened

_TIMEOUT = httpx.Timeout(10, read=300)
_POLL_SECONDS = 2.0
_MOST = 64_000
_KINDS = frozenset(
    {
        *("server_away", "tool_called", "tool_result", "tool_refused", "token_obtained", "peer_asked"),
        *("peer_answered", "approval_needed", "approved", "declined", "consent_needed"),
    }
)
"""What is passed on upward. A peer's words become its answer, and its end is told by `peer_answered`."""
_STILL = frozenset(
    {
        TaskState.TASK_STATE_SUBMITTED,
        TaskState.TASK_STATE_WORKING,
        TaskState.TASK_STATE_AUTH_REQUIRED,  # somebody is asked elsewhere, and the peer goes on by itself
    }
)


@dataclass(kw_only=True)
class Reply:
    """What has come of a message so far."""

    state: TaskState = TaskState.TASK_STATE_UNSPECIFIED
    task: str = ""
    context: str = ""
    said: str = ""
    """The words of the latest status."""
    approvals: tuple[Mapping[str, Any], ...] = ()
    artifacts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def text(self) -> str:
        """The answer: its artifacts, else what it said last."""
        return "\n".join(self.artifacts.values()) or self.said

    @property
    def waits(self) -> str:
        """`completed`, `failed`, …: the state as events have it."""
        return TaskState.Name(self.state).removeprefix("TASK_STATE_").lower().replace("_", "-")


def client_of(card: AgentCard, http: httpx2.AsyncClient) -> Client:
    """A client of the SDK over our tokens. Raises ValueError where no endpoint of the card can be used."""
    over = httpx.AsyncClient(transport=Bridge(http), timeout=_TIMEOUT)
    return ClientFactory(ClientConfig(httpx_client=over)).create(card)


async def converse(client: Client, message: Message, at: tuple[str, str]) -> Reply:
    """Send it and follow what comes of it, telling on the way what the peer tells; `at`: who asks, and who is asked.

    Whoever gives up waiting ends the peer's task too. Raises A2AError and what the client's authorization raises.
    """
    reply = Reply(context=message.context_id, task=message.task_id)
    try:
        async for happening in client.send_message(SendMessageRequest(message=message)):
            _take(reply, happening, at)
        while reply.state in _STILL:
            await asyncio.sleep(_POLL_SECONDS)
            _take_task(reply, await client.get_task(GetTaskRequest(id=reply.task)))
    except asyncio.CancelledError:
        if reply.task and reply.state in _STILL:
            _call_off(client, reply.task)
        raise
    return reply


def _take(reply: Reply, happening: StreamResponse, at: tuple[str, str]) -> None:
    if happening.HasField("message"):
        reply.state, reply.context = TaskState.TASK_STATE_COMPLETED, happening.message.context_id or reply.context
        reply.said = get_message_text(happening.message)[:_MOST]
    elif happening.HasField("task"):
        _take_task(reply, happening.task)
    elif happening.HasField("status_update"):
        update = happening.status_update
        reply.task, reply.context = update.task_id or reply.task, update.context_id or reply.context
        _take_status(reply, update.status)
        _pass_on(update, at)
    elif happening.HasField("artifact_update"):
        piece = happening.artifact_update
        before = reply.artifacts.get(piece.artifact.artifact_id, "") if piece.append else ""
        reply.artifacts[piece.artifact.artifact_id] = (before + _words(piece.artifact.parts))[:_MOST]


def _take_task(reply: Reply, task: Task) -> None:
    reply.task, reply.context = task.id or reply.task, task.context_id or reply.context
    reply.artifacts = {one.artifact_id: _words(one.parts)[:_MOST] for one in task.artifacts}
    _take_status(reply, task.status)


def _take_status(reply: Reply, status: TaskStatus) -> None:
    reply.state = status.state
    if status.HasField("message"):
        reply.said = get_message_text(status.message)[:_MOST]
        reply.approvals = tuple(_approvals(get_data_parts(status.message.parts)))


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


def _pass_on(update: TaskStatusUpdateEvent, at: tuple[str, str]) -> None:
    """Tell upward what happened there, with the place in front. What a peer says of other places counts for nothing."""
    told: Any = MessageToDict(update.metadata).get("daca")
    if not isinstance(told, dict):
        return
    data = cast("dict[str, Any]", told)
    kind = data.pop("event", None)
    if isinstance(kind, str) and kind in _KINDS:
        happened(kind, **data | {"at": [*at, *deeper(data.get("at"))]})


def deeper(at: object) -> list[str]:
    """Where behind a peer something happened: what it says of itself is left out, that is known better here."""
    places = cast("list[object]", at) if isinstance(at, list) else []
    return [place for place in places[1:] if isinstance(place, str)]


_CALLED_OFF: set[asyncio.Task[None]] = set()


def _call_off(client: Client, task: str) -> None:
    """Nobody waits for it any more: a task there that went on would act for nobody."""

    async def end() -> None:
        try:
            async with asyncio.timeout(10):
                await client.cancel_task(CancelTaskRequest(id=task))
        except Exception:  # noqa: BLE001, S110  it is away, or has ended by itself: nothing is left to be done
            pass

    ending = asyncio.create_task(end())
    _CALLED_OFF.add(ending)
    ending.add_done_callback(_CALLED_OFF.discard)
