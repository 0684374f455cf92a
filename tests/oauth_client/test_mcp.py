"""The real MCP client of the SDK through TokenAuth, to the SDK's real server behind a door, over loopback HTTP."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import httpx2
import pytest
import uvicorn
from mcp import Client, MCPError
from mcp.client import advertise
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import Context, MCPServer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oauth_client import CLIENT_CREDENTIALS_EXTENSION, ClientSecret, TokenAuth, Tokens
from tests.oauth_client.town import CLIENT, SECRET, AuthServer, Clock, Resource

MODES = ["auto", "legacy", "2026-07-28"]


@dataclass
class Street:
    server: AuthServer
    resource: Resource
    release: asyncio.Event
    clock: Clock


class Door:
    """Lets in what `Resource` would let in."""

    def __init__(self, app: ASGIApp, resource: Resource) -> None:
        self._app = app
        self._resource = resource

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] != "/mcp":
            await self._resource(scope, receive, send)
        else:
            await self._guard(scope, receive, send)

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        authorization = headers.get(b"authorization")
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        body = b"".join(message.get("body", b"") for message in messages)
        tool = _tool_in(body)
        self._resource.tokens.append(authorization and authorization.decode())
        refusal = self._resource.refuse(tool, authorization and authorization.decode())
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self._app(scope, again, send)


def _tool_in(body: bytes) -> str:
    message: object = json.loads(body) if body else {}
    params = cast("dict[str, object]", message).get("params")
    return str(cast("dict[str, object]", params).get("name")) if isinstance(params, dict) else ""


def _mcp_app(release: asyncio.Event) -> ASGIApp:
    server = MCPServer("notes")

    @server.tool()
    async def read(context: Context) -> str:
        await context.report_progress(1, 2)
        await release.wait()
        return "read"

    @server.tool()
    async def write() -> str:
        return "written"

    @server.tool()
    async def delete() -> str:
        return "deleted"

    return server.streamable_http_app()


@asynccontextmanager
async def _serving(app: ASGIApp, listening: socket.socket) -> AsyncGenerator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="auto", timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await running


def _listen() -> tuple[socket.socket, str]:
    listening = socket.create_server(("127.0.0.1", 0))
    return listening, f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
async def street() -> AsyncGenerator[Street]:
    (at_server, issuer), (at_resource, origin) = _listen(), _listen()
    clock, identifier, release = Clock(), f"{origin}/mcp", asyncio.Event()
    server = AuthServer(clock=clock, issuer=issuer, resources={identifier})
    where = f"{origin}/.well-known/oauth-protected-resource/mcp"
    resource = Resource(server=server, identifier=identifier, issuers=[issuer], metadata_url=where)
    async with (
        _serving(server, at_server),
        _serving(Door(_mcp_app(release), resource), at_resource),
    ):
        yield Street(server=server, resource=resource, release=release, clock=clock)


@asynccontextmanager
async def _session(street: Street, mode: str, auth: TokenAuth | None = None) -> AsyncGenerator[Client]:
    url = street.resource.identifier
    tokens = Tokens(credentials=ClientSecret(CLIENT, SECRET))
    mine = auth or TokenAuth(tokens, resource=url, on_failure="answer")
    async with asyncio.timeout(60), tokens, httpx2.AsyncClient(auth=mine, timeout=60) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode, extensions=[advertise(CLIENT_CREDENTIALS_EXTENSION)]) as client:
            yield client


@pytest.mark.requirement("CM-02", "CL-24")
@pytest.mark.parametrize("mode", MODES)
async def test_a_tool_is_called_and_its_progress_streams_while_it_runs(street: Street, mode: str) -> None:
    async def seen(progress: float, total: float | None, message: str | None) -> None:
        assert (progress, total, message) == (1, 2, None)
        street.release.set()

    async with _session(street, mode) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {"read", "write", "delete"}
        result = await client.call_tool("read", progress_callback=seen)
    assert result.structured_content == {"result": "read"}
    assert len(street.server.forms) == 1
    bare = [token for token in street.resource.tokens if token is None]
    assert len(bare) == 1


@pytest.mark.requirement("CL-29")
@pytest.mark.parametrize("mode", MODES)
async def test_a_tool_that_needs_more_scope_gets_it_on_the_way(street: Street, mode: str) -> None:
    async with _session(street, mode) as client:
        await client.list_tools()
        assert (await client.call_tool("write")).structured_content == {"result": "written"}
    assert [form["scope"] for form in street.server.forms] == ["mcp:read", "mcp:read mcp:write"]


@pytest.mark.requirement("CL-30")
@pytest.mark.parametrize("mode", MODES)
async def test_a_denied_tool_is_an_error_of_that_call_and_the_session_goes_on(street: Street, mode: str) -> None:
    street.server.scopes.discard("mcp:delete")
    street.release.set()
    async with _session(street, mode) as client:
        for _ in range(2):
            with pytest.raises(MCPError):
                await client.call_tool("delete")
        assert (await client.call_tool("read")).structured_content == {"result": "read"}


async def test_eight_tools_run_side_by_side_in_one_session(street: Street) -> None:
    running = 0

    async def seen(progress: float, total: float | None, message: str | None) -> None:
        del progress, total, message
        nonlocal running
        running += 1
        if running == 8:
            street.release.set()

    async with _session(street, "auto") as client:
        calls = (client.call_tool("read", progress_callback=seen) for _ in range(8))
        assert len(await asyncio.gather(*calls)) == 8
    assert len(street.server.forms) == 1


async def test_a_token_revoked_in_mid_session_is_replaced_without_anyone_noticing(street: Street) -> None:
    street.release.set()
    async with _session(street, "auto") as client:
        await client.call_tool("read")
        street.server.issued.clear()
        assert (await client.call_tool("read")).structured_content == {"result": "read"}
    assert len(street.server.forms) == 2
