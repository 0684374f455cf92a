"""Somebody else's agent: a plain server of the A2A SDK behind a door, that does what the words say."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
from a2a.helpers import get_data_parts, get_message_text, new_data_part, new_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part, Task, TaskState, TaskStatus
from starlette.applications import Starlette
from starlette.types import ASGIApp
from typing_extensions import override

from resource_server import Door

APPROVAL = {"call": "call_there", "tool": "delete_note", "server": "notes", "arguments": "{}"}


class Porter(AgentExecutor):
    """What it was asked, and what it is told to do with it."""

    def __init__(self, url: str, wire: httpx2.AsyncBaseTransport) -> None:
        self.url = url
        self._http = httpx2.AsyncClient(transport=wire)
        self.endpoint = f"{url}/a2a"
        self.heard: list[tuple[str, str]] = []
        """The contextId and the words of every message."""
        self.decisions: list[Mapping[str, Any]] = []
        self.stop = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.rounds = 1
        """How often a person is asked."""

    def app(self, *, streaming: bool = True) -> ASGIApp:
        """Its card for anybody, its endpoint through the door."""
        card = self.card(streaming=streaming)
        handler = DefaultRequestHandler(agent_executor=self, task_store=InMemoryTaskStore(), agent_card=card)
        routes = [*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/a2a")]
        return Door(
            Starlette(routes=routes),
            resource=self.url,
            issuer="http://localhost:9000",
            http=self._http,
            scopes=("agent:ask",),
            public_paths=("/.well-known/agent-card.json",),
            mcp_path="/a2a",
        )

    def card(self, *, streaming: bool) -> AgentCard:
        """Where it says that it is."""
        return AgentCard(
            name="Porter",
            description="Carries things.",
            version="1",
            supported_interfaces=[
                AgentInterface(url=self.endpoint, protocol_binding="JSONRPC", protocol_version="1.0")
            ],
            capabilities=AgentCapabilities(streaming=streaming),
            default_input_modes=["text/plain"],
            default_output_modes=["text/plain"],
            skills=[AgentSkill(id="carry", name="Carry", description="Anything.", tags=["x"])],
        )

    @override
    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """One message."""
        assert context.message
        assert context.task_id
        assert context.context_id
        words = get_message_text(context.message)
        self.heard.append((context.context_id, words))
        if context.current_task is None:
            submitted = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
            await event_queue.enqueue_event(Task(id=context.task_id, context_id=context.context_id, status=submitted))
        task = TaskUpdater(event_queue, context.task_id, context.context_id)
        told = {"event": "tool_called", "at": ["somebody-else", "deeper"], "call": "1", "tool": "lift"}
        await task.update_status(TaskState.TASK_STATE_WORKING, metadata={"daca": told})
        await self._do(words, get_data_parts(context.message.parts), task)

    async def _do(self, words: str, data: list[Any], task: TaskUpdater) -> None:
        if data:
            self.decisions.append(data[0]["decisions"])
        waits = len(self.decisions) < self.rounds
        if words == "hang":
            await self.stop.wait()
            raise RuntimeError("the stairs have gone")
        if words == "fail":
            await task.failed(new_message([new_text_part("it was too heavy")]))
        elif words == "ask back":
            await task.requires_input(new_message([new_text_part("How heavy?")]))
        elif words == "delete" or (data and waits):
            if waits:
                asks: list[Part] = [new_text_part("decide"), new_data_part({"approvals": [APPROVAL]})]
                await task.requires_input(new_message(asks))
        else:
            await task.add_artifact([new_text_part(f"done: {words or self.decisions}")])
            await task.complete()

    @override
    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Somebody gave up."""
        assert context.task_id
        assert context.context_id
        self.cancelled.set()
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()
