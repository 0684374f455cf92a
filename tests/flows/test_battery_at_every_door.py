"""The battery of bad tokens and requests at the doors of the real apps: notes, clock and researcher."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.types import Message

from daca_agents.app import create_app as create_agent
from daca_agents.profile import load_profile
from daca_agents.settings import Settings as AgentSettings
from mcp_server.app import create_app as create_tools
from mcp_server.endpoint import MAX_BODY
from mcp_server.settings import ToolsetName, settings_for
from resource_server import Door
from sidecar.connect import Sidecar
from sidecar.embedded import FileSecrets, SqliteState
from tests.battery.cases import CASES
from tests.battery.run import run
from tests.battery.wire import in_process
from tests.battery.world import Signer, World

ROOT = Path(__file__).resolve().parents[2]
ISSUER = "http://localhost:9000"
SIGNER = Signer(key=ec.generate_private_key(ec.SECP256R1()), kid="key-1")


def issuer(request: httpx2.Request) -> httpx2.Response:
    """The authorization server as far as a door asks it: its metadata and keys."""
    if request.url.path == "/jwks.json":
        return httpx2.Response(200, json={"keys": [SIGNER.jwk()]})
    return httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks.json"})


@pytest.fixture
async def sidecar(tmp_path: Path) -> AsyncGenerator[Sidecar]:
    async with SqliteState(tmp_path / "state.db", "app") as state:
        secrets = FileSecrets(tmp_path / "secrets.json")
        yield Sidecar(mode="embedded", state=state, secrets=secrets, transport=httpx2.MockTransport(issuer))


@asynccontextmanager
async def serving(door: Door) -> AsyncGenerator[Door]:
    """The app with its lifespan under way, as uvicorn would have it."""
    inbox, outbox = asyncio.Queue[Message](), asyncio.Queue[Message]()
    running = asyncio.create_task(door({"type": "lifespan", "state": {}}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    try:
        yield door
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await running


def world_of(resource: str) -> World:
    return World(resource=resource, other_resource="http://localhost:1/mcp", issuer=ISSUER, signer=SIGNER)


@pytest.mark.requirement("RS-09", "RS-10", "RS-11", "RS-12", "RS-15")
@pytest.mark.parametrize("toolset", ["notes", "clock"])
async def test_the_tool_servers_refuse_every_case(toolset: ToolsetName, sidecar: Sidecar) -> None:
    settings = settings_for(toolset)
    world = replace(world_of(settings.resource), max_body=MAX_BODY)
    cases = CASES
    if toolset == "clock":  # no tool of it needs more than its one scope, as these cases want
        world = replace(world, read_tool="get_time")
        beyond = {"message/path-encoded-letters"}
        cases = [case for case in CASES if case.error != "insufficient_scope" and case.id not in beyond]
    async with serving(create_tools(settings, sidecar, toolset)) as door:
        assert await run(world, in_process(door, world), cases) == []


@pytest.mark.requirement("RS-09", "RS-10", "RS-11", "RS-12", "RS-15")
async def test_the_agent_refuses_every_case(sidecar: Sidecar, tmp_path: Path) -> None:
    profile = load_profile(ROOT / "agents" / "profiles" / "researcher.yaml")
    world = replace(world_of(profile.resource), baseline="agent:ask", max_body=64 * 1024)
    async with serving(create_agent(AgentSettings(data=tmp_path), sidecar, profile)) as door:
        assert await run(world, in_process(door, world), mcp=False) == []
