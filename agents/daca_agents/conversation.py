"""One message to another agent over A2A, followed until it answers, gives up, or waits for somebody."""

import asyncio
from typing import cast

import httpx
import httpx2
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.types import (
    AgentCard,
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    SendMessageRequest,
    TaskState,
    TaskStatusUpdateEvent,
)

from daca_agents.bridge import Bridge
from daca_agents.happenings import happened
from daca_agents.reply import Reply, step_of

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


def client_of(card: AgentCard, http: httpx2.AsyncClient) -> Client:
    """A client of the SDK over our tokens. Raises ValueError where no endpoint of the card can be used."""
    over = httpx.AsyncClient(transport=Bridge(http), timeout=_TIMEOUT)
    return ClientFactory(ClientConfig(httpx_client=over)).create(card)


async def converse(client: Client, message: Message, at: tuple[str, str]) -> Reply:
    """Send it and follow what comes of it, telling on the way what the peer tells; `at`: who asks, and who is asked.

    Whoever gives up waiting ends the peer's task too. Raises A2AError and what the client's authorization raises.
    """
    reply = Reply(context=message.context_id, task=message.task_id, most=_MOST)
    try:
        async for happening in client.send_message(SendMessageRequest(message=message)):
            reply.take(happening)
            if happening.HasField("status_update"):
                _pass_on(happening.status_update, at)
        while reply.state in _STILL:
            await asyncio.sleep(_POLL_SECONDS)
            reply.take_task(await client.get_task(GetTaskRequest(id=reply.task)))
    except asyncio.CancelledError:
        if reply.task and reply.state in _STILL:
            _call_off(client, reply.task)
        raise
    return reply


def _pass_on(update: TaskStatusUpdateEvent, at: tuple[str, str]) -> None:
    """Tell upward what happened there, with the place in front. What a peer says of other places counts for nothing."""
    data = step_of(update)
    kind = data.pop("event", "")
    if kind in _KINDS:
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
