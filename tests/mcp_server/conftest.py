"""Tool servers as they are, without a door: what a tool says, over HTTP, in process."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest

from mcp_server.note import Author
from mcp_server.notebook import Notebook
from mcp_server.server import mcp_server, served
from mcp_server.tools.clock import ClockTools
from mcp_server.tools.notes import NotesTools
from sidecar.embedded import SqliteState

ORIGIN = "http://localhost:8000"
META: dict[str, object] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
BOTH = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


class Post(Protocol):
    """Send one JSON-RPC message, or raw bytes, to /mcp with these headers."""

    async def __call__(self, message: object, **headers: str) -> httpx2.Response: ...


@pytest.fixture
def message() -> Callable[..., dict[str, Any]]:
    """A JSON-RPC request."""

    def make(method: str, params: dict[str, Any] | None = None, number: int = 1) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}

    return make


@pytest.fixture
def modern(message: Callable[..., dict[str, Any]]) -> Callable[..., tuple[dict[str, Any], dict[str, str]]]:
    """A request of 2026-07-28 and the headers that belong to it."""

    def make(method: str, params: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, str]]:
        params = params or {}
        headers = {"mcp_protocol_version": "2026-07-28", "mcp_method": method}
        if "name" in params:
            headers["mcp_name"] = params["name"]
        return message(method, {**params, "_meta": dict(META)}), headers

    return make


@asynccontextmanager
async def _own_task(context: AbstractAsyncContextManager[object]) -> AsyncGenerator[None]:
    """Enter and leave in one task: pytest runs the two halves of a fixture in two, which the SDK can not bear."""
    ready, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with context:
            ready.set()
            await done.wait()

    holding = asyncio.create_task(hold())
    await ready.wait()
    try:
        yield
    finally:
        done.set()
        await holding


def _open(toolset: object) -> AbstractAsyncContextManager[Post]:
    @asynccontextmanager
    async def serving() -> AsyncGenerator[Post]:
        name = "notes" if isinstance(toolset, NotesTools) else "clock"
        app = served(mcp_server(name, toolset))
        transport = httpx2.ASGITransport(app)
        async with (
            _own_task(app.lifespan_context(app)),
            httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as http,
        ):

            async def post(message: object, **headers: str) -> httpx2.Response:
                content = message if isinstance(message, bytes) else json.dumps(message).encode()
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                return await http.post("/mcp", content=content, headers=BOTH | named)

            yield post

    return serving()


@pytest.fixture
async def clock() -> AsyncGenerator[Post]:
    """The clock's endpoint."""
    async with _open(ClockTools()) as post:
        yield post


@pytest.fixture
async def state(tmp_path: Path) -> AsyncGenerator[SqliteState]:
    """One replica's view of the store."""
    async with SqliteState(tmp_path / "state.db", "notes") as opened:
        yield opened


@pytest.fixture
async def other(tmp_path: Path) -> AsyncGenerator[SqliteState]:
    """Another replica's view of the same store."""
    async with SqliteState(tmp_path / "state.db", "notes") as opened:
        yield opened


@pytest.fixture
async def notes(state: SqliteState) -> AsyncGenerator[Post]:
    """The notes' endpoint; Ada calls."""
    async with _open(NotesTools(Notebook(state), lambda: Author(subject="ada", client_id="desk"))) as post:
        yield post


@pytest.fixture
def call(notes: Post, modern: Callable[..., tuple[dict[str, Any], dict[str, str]]]) -> Callable[..., Any]:
    """Call one of the notes' tools: its structured answer, or the text of its refusal."""

    async def run(tool: str, **arguments: object) -> Any:
        body, headers = modern("tools/call", {"name": tool, "arguments": arguments})
        result = (await notes(body, **headers)).json()["result"]
        return result["content"][0]["text"] if result["isError"] else result["structuredContent"]

    return run
