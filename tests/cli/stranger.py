"""Somebody else's A2A agent: the plain SDK behind a door, which knows nothing of how `daca agent ask` is made."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from a2a.helpers import new_data_part, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Task, TaskState, TaskStatus
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette

from resource_server import Door
from sidecar.process import server_config

ESCAPE = "\x1b[2J\x1b]0;owned\x07"
PENDING = {"call": "call_1", "tool": "delete_note", "server": "notes", "arguments": {"name": "Plan"}}
OTHER = {"call": "call_2", "tool": "delete_note", "server": "notes", "arguments": {"name": "Old"}}


class Parrot(AgentExecutor):
    """Says again what it is told; `wait` wants a decision, `ask back` wants words, `sleep` goes on for ever."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.began = threading.Event()
        self.heard: list[str] = []

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        said, decided = context.get_user_input(), _decisions(context)
        self.heard.append(said)
        updater = TaskUpdater(event_queue, context.task_id or "", context.context_id or "")
        if context.current_task is None:
            begun = Task(id=context.task_id, context_id=context.context_id)
            begun.status.CopyFrom(TaskStatus(state=TaskState.TASK_STATE_SUBMITTED))
            await event_queue.enqueue_event(begun)
        for step in _steps(said):
            await updater.update_status(TaskState.TASK_STATE_WORKING, metadata={"daca": step})
        if said == "sleep":
            self.began.set()
            await asyncio.sleep(600)
        elif said == "fail":
            await updater.failed(updater.new_agent_message([new_text_part("the model is away")]))
        elif said == "ask back":
            await updater.requires_input(updater.new_agent_message([new_text_part("Which one?")]))
        elif said.startswith("wait"):
            pending = [PENDING, OTHER] if said == "wait twice" else [PENDING]
            parts = [new_text_part("May I?"), new_data_part({"approvals": pending})]
            await updater.requires_input(updater.new_agent_message(parts))
        else:
            await updater.add_artifact([new_text_part(f"you said: {decided or said}")], artifact_id="answer")
            await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.cancelled.set()
        await TaskUpdater(event_queue, context.task_id or "", context.context_id or "").cancel()


def _steps(said: str) -> list[dict[str, Any]]:
    if said != "chain":
        return []
    at = ["parrot", "scribe"]
    who = ["client:scribe", "client:parrot"]
    return [
        {"event": "peer_asked", "at": at[:1], "peer": "scribe", "url": "http://scribe", "request": f"write{ESCAPE}"},
        {
            "event": "token_obtained",
            "at": at,
            "resource": "http://n",
            "scope": "mcp:write",
            "how": "exchanged",
            "actors": who,
        },
        {"event": "tool_called", "at": at, "call": "c", "tool": "write_note", "arguments": "{}"},
        {"event": "tool_refused", "at": at, "call": "c", "tool": "write_note", "server": "notes", "why": "no scope"},
        {"event": "peer_answered", "at": at[:1], "peer": "scribe", "state": "completed"},
        {"event": "something_new", "at": at[:1]},
    ]


def _decisions(context: RequestContext) -> str:
    parts = context.message.parts if context.message else ()
    found = [MessageToDict(part.data)["decisions"] for part in parts if part.WhichOneof("content") == "data"]
    return " ".join(f"{call}={word}" for one in found for call, word in sorted(one.items()))


def _door(app: Starlette, url: str, issuer: str) -> Door:
    return Door(
        app,
        resource=url,
        issuer=issuer,
        scopes=("agent:ask",),
        tools=None,
        public_paths=("/.well-known/agent-card.json",),
        other_paths=("/talk",),
    )


@contextmanager
def agent(url: str, issuer: str, *, endpoint: str = "") -> Generator[Parrot]:
    """It, at this URL, in a thread; without an issuer it has no door. `endpoint`: what its card says."""
    parrot = Parrot()
    card = AgentCard(
        name="Parrot",
        description="Says it again.",
        version="1",
        supported_interfaces=[
            AgentInterface(url=endpoint or f"{url}/talk", protocol_binding="JSONRPC", protocol_version="1.0")
        ],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="parrot", name="Parrot", description="It", tags=["x"])],
    )
    handler = DefaultRequestHandler(parrot, InMemoryTaskStore(), card)
    app = Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/talk")])
    door = app if not issuer else _door(app, url, issuer)
    port = int(url.rpartition(":")[2])
    server = uvicorn.Server(server_config(door, host="127.0.0.1", port=port))
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    try:
        yield parrot
    finally:
        server.should_exit = True
        thread.join()
