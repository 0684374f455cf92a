"""A talk with any A2A agent that takes OAuth tokens, over the A2A SDK's own client and our tokens."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Mapping
from typing import Final, cast

import httpx
import httpx2
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.helpers import new_data_part, new_text_part
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
    TaskStatusUpdateEvent,
)
from a2a.utils.errors import A2AError
from google.protobuf.json_format import ParseError

from cli.enquiry import WAITS, Decision, Event, Outcome
from cli.errors import Failure
from daca_agents.bridge import Bridge
from daca_agents.reply import Reply, step_of, with_endpoints
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
        self._reply = Reply()
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
            self._take_task(await (await self._connected()).get_task(GetTaskRequest(id=task)))
        except (A2AError, ParseError) as error:
            raise Failure(f"{self._url}: {error}") from error

    async def cancel(self) -> bool:
        """End the task, if it was begun; whether the agent says that it is over."""
        if self._client is None or not self.outcome.task:
            return False
        try:
            async with asyncio.timeout(10):
                self._take_task(await self._client.cancel_task(CancelTaskRequest(id=self.outcome.task)))
        except (A2AError, ParseError, TimeoutError):
            return False
        return self.outcome.state == "canceled"

    async def _follow(self, message: Message) -> AsyncGenerator[Event]:
        self._reply = Reply(task=message.task_id, context=message.context_id)
        self.outcome = Outcome(task=message.task_id, context=message.context_id)
        try:
            client = await self._connected()
            async for happening in client.send_message(SendMessageRequest(message=message)):
                for event in self._take(happening):
                    yield event
            while self._reply.task and self._reply.state in _MOVING:
                await asyncio.sleep(_POLL_SECONDS)
                await self.look(self.outcome.task)
        except (A2AError, ParseError, ValueError) as error:
            raise Failure(f"{self._url}: {error}") from error

    def _take(self, happening: StreamResponse) -> list[Event]:
        """What there is to tell of one thing that came."""
        known = self._reply.task
        if not happening.HasField("artifact_update"):
            self._forget_status()
        self._reply.take(happening)
        self.outcome = _outcome(self._reply)
        told = _told(happening.status_update) if happening.HasField("status_update") else []
        if self._reply.task and self._reply.task != known:
            begun: Event = {"event": "task", "at": [], "task": self._reply.task, "context": self._reply.context}
            told = [begun, *told]
        return told

    def _take_task(self, task: Task) -> None:
        self._forget_status()
        self._reply.take_task(task)
        self.outcome = _outcome(self._reply)

    def _forget_status(self) -> None:
        """Only the latest status has a say in the outcome."""
        self._reply.said, self._reply.approvals = "", ()

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
    found = with_endpoints(card, lambda one: covers(url, one.url))
    if found is None:
        named = ", ".join(one.url for one in card.supported_interfaces) or "none"
        raise Failure(f"the card of {url} names no endpoint there or below, but {named[:300]}")
    return found


def _message(parts: list[Part], task: str, context: str) -> Message:
    return Message(message_id=uuid.uuid4().hex, role=Role.ROLE_USER, parts=parts, task_id=task, context_id=context)


def _outcome(reply: Reply) -> Outcome:
    """How it stands, to a person or a program."""
    state = reply.waits
    pending = [one for one in reply.approvals if one["call"]] if state == WAITS else ()
    return Outcome(state=state, answer=reply.text, task=reply.task, context=reply.context, approvals=pending)


def _told(update: TaskStatusUpdateEvent) -> list[Event]:
    step = step_of(update)
    if not step:
        return []
    at = cast("object", step.get("at"))
    places = [str(place) for place in cast("list[object]", at)] if isinstance(at, list) else []
    return [{"event": step.pop("event"), "at": places, **{name: step[name] for name in step if name != "at"}}]
