"""Whole tool servers behind their doors, called by the MCP SDK's own client in all three revisions."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.types import Message

from mcp_server.app import create_app
from mcp_server.settings import ToolsetName, settings_for
from resource_server import Door
from sidecar.connect import Sidecar
from sidecar.embedded import FileSecrets, SqliteState
from tests.mcp_server.issuer import ISSUER, Issuer, Wire

MODES = {"2025-06-18": "legacy", "2025-11-25": "legacy", "2026-07-28": "2026-07-28"}
ALL = "mcp:read mcp:write mcp:delete"


class Servers:
    """Notes and clock, an issuer, and the wire between them."""

    def __init__(self, tmp_path: Path) -> None:
        self.issuer = Issuer()
        self.wire = Wire()
        self.wire.apps[ISSUER] = self.issuer.app()
        self._tmp_path = tmp_path

    @asynccontextmanager
    async def up(self, *toolsets: ToolsetName) -> AsyncGenerator[None]:
        """Start these servers."""
        async with SqliteState(self._tmp_path / "state.db", "notes") as state:
            secrets = FileSecrets(self._tmp_path / "secrets.json")
            sidecar = Sidecar(mode="embedded", state=state, secrets=secrets, transport=self.wire)
            doors: dict[ToolsetName, Door] = {
                toolset: create_app(settings_for(toolset), sidecar, toolset) for toolset in toolsets
            }
            for toolset in toolsets:
                self.wire.apps[settings_for(toolset).resource.removesuffix("/mcp")] = doors[toolset]
            async with _all(list(doors.values())):
                yield

    def http(self, token: str | None = None) -> httpx2.AsyncClient:
        """A client on the wire, with a token or without."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return httpx2.AsyncClient(transport=self.wire, headers=headers)

    @asynccontextmanager
    async def client(
        self, toolset: ToolsetName, scope: str, version: str, act: Mapping[str, object] | None = None
    ) -> AsyncGenerator[Client]:
        """The SDK's client of one revision, with a token of these scopes."""
        resource = settings_for(toolset).resource
        http = self.http(self.issuer.token(resource, scope, act=act))
        if MODES[version] == "legacy":
            http.event_hooks["request"] = [_older(version)]
        async with http, Client(streamable_http_client(resource, http_client=http), mode=MODES[version]) as client:
            yield client


def _older(version: str) -> Callable[[httpx2.Request], Any]:
    """The SDK's client opens with its newest handshake; this one asks for `version`, as an older client does."""

    async def ask(request: httpx2.Request) -> None:
        body = request.content.replace(b'"protocolVersion":"2025-11-25"', b'"protocolVersion":"%s"' % version.encode())
        assert len(body) == len(request.content)
        request.stream = httpx2.ByteStream(body)

    return ask


@asynccontextmanager
async def _all(doors: list[Door]) -> AsyncGenerator[None]:
    """The lifespans of these apps, as a server runs them."""
    if not doors:
        yield
        return
    async with _lifespan(doors[0]), _all(doors[1:]):
        yield


@asynccontextmanager
async def _lifespan(door: Door) -> AsyncGenerator[None]:
    asked: asyncio.Queue[Message] = asyncio.Queue()
    said: asyncio.Queue[Message] = asyncio.Queue()
    serving = asyncio.create_task(door({"type": "lifespan", "state": {}}, asked.get, said.put))
    await asked.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await asked.put({"type": "lifespan.shutdown"})
        await serving


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    return Servers(tmp_path)


async def test_a_note_records_everybody_who_acted_for_its_author(servers: Servers) -> None:
    chain = {"sub": "client:scribe", "act": {"sub": "client:concierge"}}
    async with servers.up("notes"), servers.client("notes", ALL, max(MODES), chain) as notes:
        written = await notes.call_tool("write_note", {"name": "plan", "text": "walk"})
    assert written.structured_content is not None
    author = {"subject": "ada", "client_id": "desk", "actors": ["client:scribe", "client:concierge"]}
    assert written.structured_content["created_by"] == author


@pytest.mark.requirement("RS-47")
@pytest.mark.parametrize("version", list(MODES))
async def test_the_sdks_client_of_every_revision_lists_and_calls(servers: Servers, version: str) -> None:
    async with servers.up("notes", "clock"):
        async with servers.client("notes", ALL, version) as notes:
            assert notes.protocol_version == version
            assert len((await notes.list_tools()).tools) == 5
            await notes.call_tool("write_note", {"name": "plan", "text": "walk"})
            read = await notes.call_tool("read_note", {"name": "plan"})
        assert read.structured_content is not None
        assert read.structured_content["text"] == "walk"
        assert read.structured_content["created_by"] == {"subject": "ada", "client_id": "desk", "actors": []}
        async with servers.client("clock", "mcp:read", version) as clock:
            told = await clock.call_tool("get_time", {"time_zone": "Asia/Tokyo"})
        assert told.structured_content is not None
        assert told.structured_content["utc_offset"] == "+09:00"


@pytest.mark.requirement("RS-18")
@pytest.mark.parametrize("version", list(MODES))
@pytest.mark.parametrize(("tool", "scope"), [("write_note", "mcp:write"), ("delete_note", "mcp:delete")])
async def test_a_tool_beyond_the_tokens_scope_is_refused_with_403(
    servers: Servers, message: Callable[..., Any], modern: Callable[..., Any], version: str, tool: str, scope: str
) -> None:
    params = {"name": tool, "arguments": {"name": "plan", "text": "x"}}
    body, headers = modern("tools/call", params)
    if version != "2026-07-28":
        body, headers = message("tools/call", params), {"mcp_protocol_version": version}
    resource = settings_for("notes").resource
    async with servers.up("notes"), servers.http(servers.issuer.token(resource, "mcp:read")) as http:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        accept = {"accept": "application/json, text/event-stream"}
        answer = await http.post(resource, json=body, headers=named | accept)
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert scope in answer.headers["www-authenticate"]
    assert "resource_metadata=" in answer.headers["www-authenticate"]


@pytest.mark.requirement("ALL-04", "RS-28")
@pytest.mark.parametrize("claimed", ["operator", "daca", "admin"])
async def test_what_a_client_says_of_itself_opens_nothing(
    servers: Servers, modern: Callable[..., Any], claimed: str
) -> None:
    """Nor does knowing a note's name and version, which is all the state that a caller can hold."""
    body, headers = modern("tools/call", {"name": "delete_note", "arguments": {"name": "plan", "version": 1}})
    body["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = {"name": claimed, "version": "1"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    resource = settings_for("notes").resource
    async with servers.up("notes"):
        async with servers.client("notes", ALL, "2026-07-28") as notes:
            await notes.call_tool("write_note", {"name": "plan", "text": "walk"})
        reader = servers.issuer.token(resource, "mcp:read")
        statuses = [await _status(servers, token, body, named) for token in (None, reader)]
        async with servers.client("notes", ALL, "2026-07-28") as notes:
            kept = await notes.call_tool("read_note", {"name": "plan"})
    assert statuses == [401, 403]
    assert kept.is_error is False


async def _status(servers: Servers, token: str | None, body: object, headers: dict[str, str]) -> int:
    async with servers.http(token) as http:
        accept = {"accept": "application/json, text/event-stream"}
        answer = await http.post(settings_for("notes").resource, json=body, headers=headers | accept)
        return answer.status_code


@pytest.mark.parametrize("version", list(MODES))
async def test_a_caller_sees_only_the_tools_it_may_call(servers: Servers, version: str) -> None:
    async with servers.up("notes"), servers.client("notes", "mcp:read", version) as notes:
        names = {tool.name for tool in (await notes.list_tools()).tools}
    assert names == {"list_notes", "search_notes", "read_note"}


@pytest.mark.requirement("RS-21")
async def test_the_right_to_write_holds_the_right_to_read(servers: Servers) -> None:
    async with servers.up("notes"), servers.client("notes", "mcp:write", "2026-07-28") as notes:
        names = {tool.name for tool in (await notes.list_tools()).tools}
    assert names == {"list_notes", "search_notes", "read_note", "write_note"}


@pytest.mark.requirement("RS-09", "RS-10")
@pytest.mark.parametrize(("at", "token_for"), [("notes", "clock"), ("clock", "notes")])
async def test_a_token_for_the_other_server_is_refused(
    servers: Servers, at: ToolsetName, token_for: ToolsetName
) -> None:
    token = servers.issuer.token(settings_for(token_for).resource, ALL)
    async with servers.up("notes", "clock"), servers.http(token) as http:
        answer = await http.post(settings_for(at).resource, json={})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_health_needs_no_token_and_everything_else_does(servers: Servers) -> None:
    async with servers.up("notes"), servers.http() as http:
        assert (await http.get("http://localhost:8000/healthz")).json() == {"status": "ok"}
        assert (await http.post("http://localhost:8000/mcp", json={})).status_code == 401
        assert (await http.post("http://localhost:8000/mcp/", json={})).status_code == 401


async def test_the_servers_come_up_and_are_healthy_while_the_issuer_is_away(servers: Servers) -> None:
    del servers.wire.apps[ISSUER]
    resource = settings_for("notes").resource
    async with servers.up("notes"), servers.http(servers.issuer.token(resource, ALL)) as http:
        assert (await http.get("http://localhost:8000/healthz")).status_code == 200
        assert (await http.post(resource, json={})).status_code == 503


@pytest.mark.parametrize(("told", "shown"), [("false", False), ("true", True)])
async def test_a_tool_beyond_the_token_is_shown_where_all_are_to_be_shown(
    told: str, *, shown: bool, servers: Servers, monkeypatch: pytest.MonkeyPatch, modern: Callable[..., Any]
) -> None:
    monkeypatch.setenv("DACA_LIST_ALL_TOOLS", told)
    body, headers = modern("tools/list", {})
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"accept": "*/*"}
    resource = settings_for("notes").resource
    async with servers.up("notes"), servers.http(servers.issuer.token(resource, "mcp:read")) as http:
        listed = (await http.post(resource, json=body, headers=named)).json()["result"]["tools"]
    assert ("delete_note" in [tool["name"] for tool in listed]) is shown


async def test_a_caller_in_a_hurry_is_told_when_to_come_back(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, modern: Callable[..., Any]
) -> None:
    monkeypatch.setenv("DACA_CALLS_PER_SECOND", "0.001")
    body, headers = modern("tools/call", {"name": "get_time", "arguments": {}})
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"accept": "*/*"}
    resource = settings_for("clock").resource
    async with servers.up("clock"), servers.http(servers.issuer.token(resource, "mcp:read")) as http:
        answers = [await http.post(resource, json=body, headers=named) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 429, 429]
    assert int(answers[1].headers["retry-after"]) > 0
