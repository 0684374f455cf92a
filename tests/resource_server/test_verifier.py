"""The door with the real MCP SDK behind it, and its token check inside the SDK's own gate."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend
from mcp.server.auth.provider import TokenVerifier
from mcp.server.mcpserver import MCPServer
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.types import ASGIApp

from resource_server import Door, current_caller
from resource_server.errors import KeysUnavailable
from resource_server.verifier import DoorTokenVerifier, KnownToSdk
from tests.battery.case import LEGACY
from tests.battery.world import World
from tests.resource_server.conftest import App, Issuer

META: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
def now_world(world: World) -> World:
    """Good tokens by the real clock."""
    return World(resource=world.resource, other_resource=world.other_resource, issuer=world.issuer, signer=world.signer)


@pytest.fixture
def verifier(now_world: World, issuer: Issuer) -> DoorTokenVerifier:
    return DoorTokenVerifier(resource=now_world.resource, issuer=now_world.issuer, http=issuer.http())


@pytest.mark.requirement("RS-10", "RS-12")
async def test_the_sdk_gets_a_sound_token_with_all_that_it_asks_for(
    verifier: DoorTokenVerifier, now_world: World
) -> None:
    as_sdk_sees_it: TokenVerifier = verifier
    token = now_world.token()
    access = await as_sdk_sees_it.verify_token(token.decode())

    assert access is not None
    assert (access.client_id, access.subject, access.scopes) == ("battery", "battery", ["mcp:read"])
    assert (access.resource, access.expires_at) == (now_world.resource, int(now_world.now) + 300)
    assert (access.claims or {})["iss"] == now_world.issuer


@pytest.mark.requirement("RS-10", "RS-11")
async def test_the_sdk_gets_nothing_for_a_token_for_another_resource(
    verifier: DoorTokenVerifier, now_world: World
) -> None:
    other = now_world.token(claims=now_world.claims(aud=now_world.other_resource))

    assert await verifier.verify_token(other.decode()) is None
    for odd in ("", "é", "x" * 9000, "a.b.c"):
        assert await verifier.verify_token(odd) is None


async def test_without_keys_the_sdk_is_told_so_rather_than_that_the_token_is_bad(
    verifier: DoorTokenVerifier, now_world: World, issuer: Issuer
) -> None:
    issuer.away = True
    with pytest.raises(KeysUnavailable):
        await verifier.verify_token(now_world.token().decode())
    await verifier.aclose()


async def test_the_sdk_s_own_gate_works_with_it(verifier: DoorTokenVerifier, now_world: World, app: App) -> None:
    gate = AuthenticationMiddleware(AuthContextMiddleware(app), backend=BearerAuthBackend(verifier))
    async with _client(gate) as client:
        await client.get("/mcp", headers=_auth(now_world.token()))
        await client.get("/mcp", headers=_auth(now_world.token(claims=now_world.claims(aud="x"))))

    assert [scope["user"].is_authenticated for scope in app.reached] == [True, False]


def _auth(token: bytes) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.decode()}"}


def _client(app: ASGIApp) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost:8000")


def _server() -> MCPServer[Any]:
    server = MCPServer("notes")

    @server.tool()
    def list_notes() -> str:  # pyright: ignore[reportUnusedFunction]  registered
        return f"notes of {current_caller().subject}"

    @server.tool()
    def delete_note() -> str:  # pyright: ignore[reportUnusedFunction]  registered
        return "deleted"

    return server


@asynccontextmanager
async def _served(world: World, issuer: Issuer, **how: Any) -> AsyncGenerator[httpx2.AsyncClient]:
    server = _server()
    inner = server.streamable_http_app(**how)
    door = Door(
        KnownToSdk(inner, world.resource),
        resource=world.resource,
        issuer=world.issuer,
        http=issuer.http(),
        scopes=("mcp:read",),
        tools={"list_notes": "mcp:read", "delete_note": "mcp:delete"},
    )
    async with server.session_manager.run(), _client(door) as client:
        yield client


async def _post(client: httpx2.AsyncClient, token: bytes, version: str, method: str, **params: Any) -> httpx2.Response:
    headers = {**{name: str(value) for name, value in LEGACY}, **_auth(token), "MCP-Protocol-Version": version}
    if version == "2026-07-28":
        headers |= {"Mcp-Method": method, **({"Mcp-Name": params["name"]} if "name" in params else {})}
        params["_meta"] = META
    return await client.post(
        "/mcp", headers=headers, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    )


def _message(response: httpx2.Response) -> Any:
    if response.headers["content-type"].startswith("application/json"):
        return response.json()
    return json.loads(
        next(line for line in response.text.splitlines() if line.startswith("data: {")).removeprefix("data: ")
    )


@pytest.mark.requirement("RS-09", "RS-18", "RS-32", "RS-40")
@pytest.mark.parametrize("form", ["json", "events"])
@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25", "2026-07-28"])
async def test_the_real_sdk_works_behind_the_door_in_every_revision(
    version: str,
    form: str,
    now_world: World,
    issuer: Issuer,
) -> None:
    token = now_world.token()
    async with _served(now_world, issuer, stateless_http=True, json_response=form == "json") as client:
        listed = _message(await _post(client, token, version, "tools/list"))["result"]
        called = _message(await _post(client, token, version, "tools/call", name="list_notes", arguments={}))
        refused = await _post(client, token, version, "tools/call", name="delete_note", arguments={})

    assert [tool["name"] for tool in listed["tools"]] == ["list_notes"]
    assert listed.get("cacheScope", "private") == "private"
    assert called["result"]["content"][0]["text"] == "notes of battery"
    assert refused.status_code == 403


@pytest.mark.requirement("RS-27")
async def test_a_session_opened_by_one_caller_is_closed_to_another(now_world: World, issuer: Issuer) -> None:
    mine, theirs = now_world.token(), now_world.token(claims=now_world.claims(sub="someone-else"))
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    async with _served(now_world, issuer, json_response=True) as client:
        opened = await _post(client, mine, "2025-11-25", "initialize", **hello)
        client.headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        answers = [await _post(client, token, "2025-11-25", "ping") for token in (mine, theirs)]
        bare = await client.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})

    assert [answer.status_code for answer in answers] == [200, 404]
    assert bare.status_code == 401
