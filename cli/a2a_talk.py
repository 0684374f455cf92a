"""A talk with any A2A agent that takes OAuth tokens, over the A2A SDK's own client and our tokens."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, cast

import httpx
import httpx2
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.helpers import get_data_parts, get_message_text, get_text_parts, new_data_part, new_text_part
from a2a.types import (
    AgentCard,
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from a2a.utils.errors import A2AError
from google.protobuf.json_format import MessageToDict, ParseError

from cli.enquiry import Decision, Event, Outcome
from cli.errors import Failure
from daca_agents import Bridge
from oauth_client.rules.rfc8707_resource import covers

_TIMEOUT: Final = httpx.Timeout(10, read=300)
_POLL_SECONDS: Final = 1.0
_MOVING: Final = frozenset(
    {
        TaskState.TASK_STATE_UNSPECIFIED,
        TaskState.TASK_STATE_SUBMITTED,
        TaskState.TASK_STATE_WORKING,
        TaskState.TASK_STATE_AUTH_REQUIRED,  # somebody is asked elsewhere, and the agent goes on by itself
    }
)


class Talk:
    """With one agent. Every method raises Failure, and what the client's authorization raises."""

    def __init__(self, url: str, http: httpx2.AsyncClient, *, streams: bool = True) -> None:
        self._url = url
        self._http = httpx.AsyncClient(transport=Bridge(http), timeout=_TIMEOUT)
        self._streams = streams
        self._client: Client | None = None
        self.outcome = Outcome()

    async def say(self, text: str, *, task: str = "", context: str = "") -> AsyncGenerator[Event]:
        """Say it, and tell what happens until the agent has answered or waits; then see `outcome`."""
        async for event in self._follow(_message([new_text_part(text)], task, context)):
            yield event

    async def decide(self, decided: Mapping[str, Decision]) -> AsyncGenerator[Event]:
        """Take a person's decisions to the task that waits for them."""
        part = new_data_part({"decisions": dict(decided)})
        async for event in self._follow(_message([part], self.outcome.task, self.outcome.context)):
            yield event

    async def look(self, task: str) -> None:
        """Learn how a task stands."""
        try:
            _take_task(self.outcome, await (await self._connected()).get_task(GetTaskRequest(id=task)))
        except (A2AError, ParseError) as error:
            raise Failure(f"{self._url}: {error}") from error

    async def cancel(self) -> bool:
        """End the task, if it was begun; whether the agent says that it is over."""
        if self._client is None or not self.outcome.task:
            return False
        try:
            async with asyncio.timeout(10):
                _take_task(self.outcome, await self._client.cancel_task(CancelTaskRequest(id=self.outcome.task)))
        except (A2AError, ParseError, TimeoutError):
            return False
        return self.outcome.state == "canceled"

    async def _follow(self, message: Message) -> AsyncGenerator[Event]:
        self.outcome = Outcome(task=message.task_id, context=message.context_id)
        try:
            client = await self._connected()
            async for happening in client.send_message(SendMessageRequest(message=message)):
                for event in _take(self.outcome, happening):
                    yield event
            while self.outcome.task and _number(self.outcome.state) in _MOVING:
                await asyncio.sleep(_POLL_SECONDS)
                await self.look(self.outcome.task)
        except (A2AError, ParseError, ValueError) as error:
            raise Failure(f"{self._url}: {error}") from error

    async def _connected(self) -> Client:
        if self._client is None:
            try:
                card = await A2ACardResolver(self._http, self._url).get_agent_card()
            except A2AError as error:
                raise Failure(f"{self._url} shows no agent card: {error}") from error
            config = ClientConfig(httpx_client=self._http, streaming=self._streams)
            self._client = ClientFactory(config).create(_own(self._url, card))
        return self._client


def _own(url: str, card: AgentCard) -> AgentCard:
    """The card with the endpoints at the agent's URL or below it: it must not lead token and words elsewhere."""
    own = [one for one in card.supported_interfaces if covers(url, one.url)]
    if not own:
        named = ", ".join(one.url for one in card.supported_interfaces) or "none"
        raise Failure(f"the card of {url} names no endpoint there or below, but {named[:300]}")
    found = AgentCard()
    found.CopyFrom(card)
    del found.supported_interfaces[:]
    found.supported_interfaces.extend(own)
    return found


def _message(parts: list[Part], task: str, context: str) -> Message:
    return Message(message_id=uuid.uuid4().hex, role=Role.ROLE_USER, parts=parts, task_id=task, context_id=context)


def _take(outcome: Outcome, happening: StreamResponse) -> list[Event]:
    """What has come of it so far, and what there is to tell."""
    known = outcome.task
    told: list[Event] = []
    if happening.HasField("message"):
        outcome.state, outcome.context = "completed", happening.message.context_id or outcome.context
        outcome.answer = get_message_text(happening.message)
    elif happening.HasField("task"):
        _take_task(outcome, happening.task)
    elif happening.HasField("status_update"):
        update = happening.status_update
        outcome.task, outcome.context = update.task_id or outcome.task, update.context_id or outcome.context
        _take_status(outcome, update.status)
        told = _step(update)
    elif happening.HasField("artifact_update"):
        piece = happening.artifact_update
        before = outcome.artifacts.get(piece.artifact.artifact_id, "") if piece.append else ""
        outcome.artifacts[piece.artifact.artifact_id] = before + _words(piece.artifact.parts)
        outcome.answer = "\n".join(outcome.artifacts.values())
    if outcome.task and outcome.task != known:
        told = [{"event": "task", "at": [], "task": outcome.task, "context": outcome.context}, *told]
    return told


def _take_task(outcome: Outcome, task: Task) -> None:
    outcome.task, outcome.context = task.id or outcome.task, task.context_id or outcome.context
    outcome.artifacts = {one.artifact_id: _words(one.parts) for one in task.artifacts}
    _take_status(outcome, task.status)


def _take_status(outcome: Outcome, status: TaskStatus) -> None:
    outcome.state = TaskState.Name(status.state).removeprefix("TASK_STATE_").lower().replace("_", "-")
    said = get_message_text(status.message) if status.HasField("message") else ""
    outcome.answer = "\n".join(outcome.artifacts.values()) or said
    outcome.approvals = _approvals(status) if outcome.state == "input-required" else ()


def _approvals(status: TaskStatus) -> list[Mapping[str, Any]]:
    """What waits for a person, as far as it says which call it is."""
    parts = [cast("object", part) for part in get_data_parts(status.message.parts)]
    listed = [cast("Mapping[str, Any]", part).get("approvals") for part in parts if isinstance(part, Mapping)]
    flat: list[Any] = [one for some in listed if isinstance(some, list) for one in cast("list[Any]", some)]
    return [cast("Mapping[str, Any]", one) for one in flat if isinstance(one, dict) and _call_of(cast("Event", one))]


def _call_of(approval: Mapping[str, Any]) -> str:
    call = approval.get("call")
    return call if isinstance(call, str) else ""


def _step(update: TaskStatusUpdateEvent) -> list[Event]:
    told: Any = MessageToDict(update.metadata).get("daca")
    if not isinstance(told, dict) or not isinstance(cast("Event", told).get("event"), str):
        return []
    data = cast("Event", told)
    at = cast("object", data.get("at"))
    places = [str(place) for place in cast("list[object]", at)] if isinstance(at, list) else []
    return [{"event": data.pop("event"), "at": places, **{name: data[name] for name in data if name != "at"}}]


def _number(state: str) -> TaskState:
    name = f"TASK_STATE_{state.upper().replace('-', '_') or 'UNSPECIFIED'}"
    return cast("TaskState", TaskState.Value(name))


def _words(parts: Any) -> str:
    return "\n".join(get_text_parts(parts))
