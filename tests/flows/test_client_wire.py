"""What our own MCP clients put on the wire, seen by the SDK's own servers: the command line's and the agents'."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, cast

import httpx2
import pytest
import uvicorn
from agents import RunContextWrapper
from mcp.server.mcpserver import MCPServer
from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cli.mcp_session import McpSession, open_session
from daca_agents.refusals import ToolServerProblem
from daca_agents.tool_server import ToolServer

META = "io.modelcontextprotocol/"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it arrived."""

    method: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def rpc(self) -> str:
        return str(self.body.get("method", self.method))


@dataclass
class Listener:
    """An app in front of another that keeps every request."""

    make: "type[Sessions | Modern]"
    seen: list[Seen] = field(default_factory=list[Seen])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        message = await receive()
        body: bytes = message.get("body", b"")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append(Seen(method=scope["method"], headers=headers, body=json.loads(body or b"{}")))
        waiting: list[Message] = [message]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, again, send)

    def __post_init__(self) -> None:
        self.app: ASGIApp = self.make.app()


def _server() -> MCPServer[Any]:
    server = MCPServer("wire")

    @server.tool()
    def where(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
        """Say where."""
        return region

    @server.tool(name="münze")
    def coin() -> str:
        """A tool whose name no header can hold as it is."""
        return "heads"

    return server


class Sessions:
    """A server of the handshake era that keeps sessions."""

    @staticmethod
    def app() -> ASGIApp:
        return _server().streamable_http_app()


class Modern:
    """A server that answers each request by itself."""

    @staticmethod
    def app() -> ASGIApp:
        return _server().streamable_http_app(stateless_http=True)


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncGenerator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
        await asyncio.sleep(0)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        await running


def never(_: RunContextWrapper[Any], problem: ToolServerProblem) -> None:
    pytest.fail(str(problem))


async def _by_command(url: str, tool: str, arguments: dict[str, Any], protocol: str | None) -> str:
    async with httpx2.AsyncClient(trust_env=False) as http, open_session(url, http, protocol) as session:
        await session.tools()
        return _text((await session.call(tool, arguments)).content)


async def _by_agent(url: str, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        server = ToolServer("wire", url, http, failed=never)
        await server.list_tools()
        return [_text((await server.call_tool(tool, arguments)).content) for tool, arguments in calls]


def _text(content: Sequence[object]) -> str:
    return cast("str", getattr(content[0], "text", None))


@pytest.mark.requirement("CL-39", "CL-40")
@pytest.mark.parametrize("protocol", ["2025-06-18", "2025-11-25"])
async def test_a_handshake_comes_first_and_its_revision_is_named_ever_after(protocol: str) -> None:
    listener = Listener(Sessions)
    async with serving(listener) as url:
        assert await _by_command(url, "where", {"region": "eu"}, protocol) == "eu"
    first, second, *rest = [seen for seen in listener.seen if seen.method == "POST"]
    assert (first.rpc, second.rpc) == ("initialize", "notifications/initialized")
    assert first.body["params"]["protocolVersion"] == protocol
    assert {seen.headers["mcp-protocol-version"] for seen in [second, *rest]} == {protocol}


@pytest.mark.requirement("CL-41")
async def test_a_session_s_id_is_echoed_and_given_back() -> None:
    listener = Listener(Sessions)
    async with serving(listener) as url:
        await _by_command(url, "where", {"region": "eu"}, "2025-11-25")
    first, *rest = listener.seen
    [session] = {seen.headers.get("mcp-session-id") for seen in rest}
    assert "mcp-session-id" not in first.headers
    assert session
    assert rest[-1].method == "DELETE"


@pytest.mark.requirement("CL-42", "CL-43")
async def test_each_request_of_the_newest_revision_speaks_for_itself() -> None:
    listener = Listener(Modern)
    async with serving(listener) as url:
        await _by_command(url, "where", {"region": "eu"}, None)
        await _by_agent(url, [("where", {"region": "us"})])
    assert {"tools/list", "tools/call"} <= {seen.rpc for seen in listener.seen}
    for seen in listener.seen:
        meta = seen.body["params"]["_meta"]
        assert seen.headers["mcp-protocol-version"] == meta[f"{META}protocolVersion"] == "2026-07-28"
        assert seen.headers["mcp-method"] == seen.rpc
        assert isinstance(meta[f"{META}clientCapabilities"], dict)
        assert meta[f"{META}clientInfo"]["name"]
        assert seen.headers.get("mcp-name") == seen.body["params"].get("name")


@pytest.mark.requirement("CL-43")
async def test_a_name_that_no_header_can_hold_travels_encoded() -> None:
    listener = Listener(Modern)
    async with serving(listener) as url:
        assert await _by_command(url, "münze", {}, None) == "heads"
        assert await _by_agent(url, [("münze", {})]) == ["heads"]
    names = {seen.headers["mcp-name"] for seen in listener.seen if seen.rpc == "tools/call"}
    assert names == {"=?base64?bcO8bnpl?="}


@pytest.mark.requirement("CL-41")
async def test_no_session_s_id_is_used_again_once_its_session_has_ended() -> None:
    listener = Listener(Sessions)
    async with serving(listener) as url:
        assert await _by_agent(url, [("where", {"region": "us"}), ("where", {"region": "ca"})]) == ["us", "ca"]
    handshakes = [number for number, seen in enumerate(listener.seen) if seen.rpc == "initialize"]
    ids = {seen.headers["mcp-session-id"] for seen in listener.seen if "mcp-session-id" in seen.headers}
    assert len(ids) == len(handshakes)
    assert all("mcp-session-id" not in listener.seen[number].headers for number in handshakes)


@pytest.mark.requirement("CL-44")
async def test_a_parameter_that_its_tool_wants_in_a_header_is_mirrored_there() -> None:
    """A session that has not listed the tool is refused once, learns what it wants, and asks again."""
    listener = Listener(Modern)
    async with serving(listener) as url:
        assert await _by_command(url, "where", {"region": "eu"}, None) == "eu"
        assert await _by_agent(url, [("where", {"region": "us"}), ("where", {"region": "ca"})]) == ["us", "ca"]
    mirrored = [seen.headers.get("mcp-param-region") for seen in listener.seen if seen.rpc == "tools/call"]
    assert [region for region in mirrored if region] == ["eu", "us", "ca"]


@pytest.mark.requirement("CL-38")
@pytest.mark.parametrize(("make", "protocol"), [(Sessions, "2025-06-18"), (Sessions, "2025-11-25"), (Modern, None)])
async def test_each_message_is_a_post_of_its_own_that_takes_both_answers(
    make: type[Sessions] | type[Modern], protocol: str | None
) -> None:
    listener = Listener(make)
    async with serving(listener) as url:
        await _by_command(url, "where", {"region": "eu"}, protocol)
    posts = [seen for seen in listener.seen if seen.method == "POST"]
    assert {"tools/list", "tools/call"} <= {seen.rpc for seen in posts}
    for seen in posts:
        assert {"application/json", "text/event-stream"} <= set(seen.headers["accept"].replace(" ", "").split(","))
        assert seen.body["jsonrpc"] == "2.0"


def _region(**schema: object) -> dict[str, object]:
    return {"type": "object", "properties": {"region": {"type": "string"} | schema}}


@asynccontextmanager
async def _offering(*tools: Mapping[str, object]) -> AsyncGenerator[McpSession]:
    """A session with a server that lists these tools, whatever they are."""

    async def answer(request: Request) -> JSONResponse:
        message = await request.json()
        called = {"content": [{"type": "text", "text": "{}"}], "structuredContent": {"region": "eu"}}
        listed = {"tools": tools, "ttlMs": 0, "cacheScope": "private"}
        result = (called if message["method"] == "tools/call" else listed) | {"resultType": "complete"}
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})

    async with (
        serving(Starlette(routes=[Route("/mcp", answer, methods=["POST"])])) as url,
        httpx2.AsyncClient(trust_env=False) as http,
        open_session(url, http, "2026-07-28") as session,
    ):
        yield session


@pytest.mark.requirement("CL-44")
async def test_a_tool_that_wants_an_impossible_header_is_dropped() -> None:
    possible = {"name": "possible", "inputSchema": _region(**{"x-mcp-header": "Region"})}
    impossible = {"name": "impossible", "inputSchema": _region(**{"x-mcp-header": "Re gion:"})}
    async with _offering(possible, impossible) as session:
        assert [tool.name for tool in await session.tools()] == ["possible"]


@pytest.mark.requirement("CL-32")
async def test_a_schema_that_points_to_the_network_is_never_fetched() -> None:
    library = Listener(Modern)
    async with serving(library) as elsewhere:
        there = {"type": "object", "$ref": elsewhere}
        async with _offering({"name": "where", "inputSchema": there, "outputSchema": there}) as session:
            assert [tool.name for tool in await session.tools()] == ["where"]
            with pytest.raises(RuntimeError, match="Invalid schema"):
                await session.call("where", {})
    assert library.seen == []
