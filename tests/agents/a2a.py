"""Somebody else's A2A client: the plain SDK, with a bearer token that it has from somewhere."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.helpers import new_data_part, new_text_part
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from google.protobuf.json_format import MessageToDict
from starlette.types import ASGIApp

from tests.agents.conftest import RESEARCHER, World

_NEXT = iter(range(1, 10_000))


@asynccontextmanager
async def client_of(door: ASGIApp, token: str, url: str = RESEARCHER) -> AsyncGenerator[Client]:
    """A client that knows the agent's address alone."""
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door), headers=headers, timeout=30) as http:
        card = await A2ACardResolver(http, url).get_agent_card()
        yield ClientFactory(ClientConfig(httpx_client=http)).create(card)


def token_of(world: World, subject: str = "ada", client_id: str = "desk") -> str:
    """A token for the agent."""
    return world.issuer.token(RESEARCHER, "agent:ask", client_id=client_id, subject=subject)


def message(text: str = "", *, data: Mapping[str, Any] | None = None, task: str = "", context: str = "") -> Message:
    """What somebody says."""
    parts: list[Part] = [new_text_part(text)] if text else []
    parts += [new_data_part(dict(data))] if data is not None else []
    number = f"message-{next(_NEXT)}"
    return Message(message_id=number, role=Role.ROLE_USER, parts=parts, task_id=task, context_id=context)


async def say(client: Client, said: Message) -> list[StreamResponse]:
    """Say it, and hear everything until the end."""
    return [happened async for happened in client.send_message(SendMessageRequest(message=said))]


async def listed(client: Client) -> list[Task]:
    """ListTasks, the latest first."""
    return list((await client.list_tasks(ListTasksRequest())).tasks)


def steps(heard: list[StreamResponse]) -> list[dict[str, Any]]:
    """What the agent's own steps were, pieces of text left out."""
    told = [MessageToDict(one.status_update.metadata).get("daca") for one in heard if one.HasField("status_update")]
    return [step for step in told if step and step["event"] != "token"]


def answer_in(heard: list[StreamResponse]) -> str:
    """The artifact `answer`."""
    found = [one.artifact_update.artifact for one in heard if one.HasField("artifact_update")]
    assert [artifact.artifact_id for artifact in found] == ["answer"]
    return found[0].parts[0].text


def state_in(heard: list[StreamResponse]) -> str:
    """How it ended."""
    states = [one.status_update.status.state for one in heard if one.HasField("status_update")]
    return TaskState.Name(states[-1]).removeprefix("TASK_STATE_")


def ids_in(heard: list[StreamResponse]) -> tuple[str, str]:
    """Task and context."""
    first = heard[0].task if heard[0].HasField("task") else None
    if first is not None:
        return first.id, first.context_id
    return heard[0].status_update.task_id, heard[0].status_update.context_id


async def task_of(client: Client, task_id: str) -> Task:
    """GetTask."""
    return await client.get_task(GetTaskRequest(id=task_id))


async def cancel(client: Client, task_id: str) -> Task:
    """CancelTask."""
    return await client.cancel_task(CancelTaskRequest(id=task_id))


async def follow(client: Client, task_id: str) -> list[StreamResponse]:
    """SubscribeToTask, to its end."""
    return [happened async for happened in client.subscribe(SubscribeToTaskRequest(id=task_id))]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < end, "it never was so"
        await asyncio.sleep(0.05)
