"""Our rooms among strangers: our client and agents at a foreign issuer and server, our door with a foreign issuer."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from oauth_client import ClientSecret, Policy, TokenAuth, Tokens
from resource_server import Door, current_caller
from sidecar.secrets_file import SecretsFile
from tests.interop.abroad import CLIENT, Abroad, abroad
from tests.ports import free_port

Ask = Callable[[str], Awaitable[dict[str, Any]]]
pytestmark = [pytest.mark.xdist_group("interop"), pytest.mark.needs("node")]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def place(node: str, peers: Path) -> Generator[Abroad]:
    with abroad(node, peers) as found:
        yield found


@pytest.fixture
async def tokens(place: Abroad) -> AsyncGenerator[Tokens]:
    credentials = ClientSecret(CLIENT, place.secret)
    async with Tokens(credentials=credentials, policy=Policy(allow_loopback=True)) as found:
        yield found


@asynccontextmanager
async def our_door(issuer: str, tokens: Tokens, *, scope: str) -> AsyncGenerator[tuple[str, httpx2.AsyncClient]]:
    """An app of anybody's behind our door, which trusts the foreign issuer; and a client of ours."""
    resource = f"http://localhost:{free_port()}"
    door = Door(Starlette(routes=[Route("/", greet)]), resource=resource, issuer=issuer, scopes=(scope,))
    server = uvicorn.Server(uvicorn.Config(door, log_config=None))
    with socket.create_server(("127.0.0.1", int(resource.rpartition(":")[2]))) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        auth = TokenAuth(tokens, resource=resource, on_failure="answer")
        try:
            async with httpx2.AsyncClient(auth=auth, trust_env=False) as http:
                yield resource, http
        finally:
            server.should_exit = True
            await serving


async def greet(_request: Request) -> Response:
    return PlainTextResponse(f"welcome, {current_caller().client_id}")


async def test_our_client_finds_its_way_to_a_foreign_issuer_and_calls_a_foreign_tool(
    place: Abroad, tokens: Tokens
) -> None:
    auth = TokenAuth(tokens, resource=place.resource, on_failure="answer")

    async with httpx2.AsyncClient(auth=auth, trust_env=False) as http:
        transport = streamable_http_client(place.resource, http_client=http)
        async with Client(transport, mode="legacy") as client:
            answer = await client.call_tool("next_tide", {})

    assert answer.is_error is False
    assert "at six, voyager" in answer.model_dump_json()
    token = await tokens.fetch(place.resource, ())
    assert (token.issuer, token.resource, token.client_id) == (place.issuer, place.resource, CLIENT)


def test_the_command_line_calls_a_foreign_tool(place: Abroad, tmp_path: Path) -> None:
    daca = [str(Path(sys.executable).with_name("daca")), "call", place.resource, "next_tide"]
    asked = [*daca, "--client", CLIENT, "--protocol", "2025-11-25", "--json", "--data", str(tmp_path)]
    environ = {**os.environ, "DACA_CLIENT_SECRET": place.secret}

    run = subprocess.run(asked, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=90)

    assert run.returncode == 0, run.stderr
    assert "at six, voyager" in json.dumps(json.loads(run.stdout))


async def test_our_door_lets_in_whom_a_foreign_issuer_vouches_for(place: Abroad, tokens: Tokens) -> None:
    async with our_door(place.issuer, tokens, scope="tides:read") as (resource, http):
        answer = await http.get(f"{resource}/")

    assert (answer.status_code, answer.text) == (200, f"welcome, {CLIENT}")


async def test_our_door_refuses_a_foreign_token_for_another_resource(place: Abroad, tokens: Tokens) -> None:
    other = await tokens.fetch(place.resource, ())

    async with our_door(place.issuer, tokens, scope="tides:read") as (resource, _), httpx2.AsyncClient() as http:
        answer = await http.get(resource, headers={"authorization": f"Bearer {other.access_token}"})

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_foreign_server_refuses_a_token_that_its_issuer_made_for_our_door(
    place: Abroad, tokens: Tokens
) -> None:
    async with our_door(place.issuer, tokens, scope="tides:read") as (resource, http):
        await http.get(resource)
        ours = await tokens.fetch(resource, ("tides:read",))

    async with httpx2.AsyncClient(trust_env=False) as http:
        proof = {"authorization": f"Bearer {ours.access_token}"}
        answer = await http.post(place.resource, json={}, headers=proof)

    assert answer.status_code == 401


async def test_our_client_widens_its_token_when_our_door_asks_for_more(place: Abroad, tokens: Tokens) -> None:
    async with our_door(place.issuer, tokens, scope="tides:write") as (resource, http):
        answer = await http.get(resource)
        token = await tokens.fetch(resource, ("tides:write",))

    assert answer.status_code == 200
    assert "tides:write" in token.scopes


PROFILE = """
version: 1
client_id: voyager
name: Voyager
description: Knows the tides.
instructions: voyager.md
resource: http://localhost:{port}
port: {port}
acts: {acts}
mcp_servers:
  - {{name: tides, url: "{resource}", scopes: ["tides:read"]}}
"""


def profile_of(place: Abroad, folder: Path, port: int, *, acts: str) -> dict[str, str]:
    """An agent of ours that belongs to the foreign issuer; the environment that it runs in."""
    text = PROFILE.format(port=port, acts=acts, resource=place.resource)
    (folder / "voyager.yaml").write_text(text, encoding="utf-8")
    (folder / "voyager.md").write_text("Ask for the tide.", encoding="utf-8")
    SecretsFile(folder / "secrets.json").put("client-voyager", {"secret": place.secret})
    own = {"DACA_ISSUER": place.issuer, "DACA_PROFILES": str(folder), "DACA_DATA": str(folder)}
    return {name: value for name, value in os.environ.items() if not name.startswith(("DACA_", "OPENAI_"))} | own


@asynccontextmanager
async def our_agent(place: Abroad, folder: Path, tokens: Tokens, *, acts: str) -> AsyncGenerator[Ask]:
    """That agent as a process, and somebody who asks it with a token of the foreign issuer."""
    port = free_port()
    command = [sys.executable, "-m", "daca_agents", "voyager"]
    environ = profile_of(place, folder, port, acts=acts)
    url = f"http://localhost:{port}"
    auth = TokenAuth(tokens, resource=url, on_failure="answer")
    async with httpx2.AsyncClient(auth=auth, trust_env=False, timeout=60) as http:

        async def ask(text: str) -> dict[str, Any]:
            answer = await http.post(f"{url}/ask", json={"input": text})
            assert answer.status_code == 200, answer.text
            return answer.json()

        with running(command, environ):
            await until_healthy(f"{url}/healthz")
            yield ask


@contextmanager
def running(command: list[str], environ: dict[str, str]) -> Generator[None]:
    """One process, until the end of the block."""
    with subprocess.Popen(command, env=environ, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


async def until_healthy(url: str) -> None:
    """It takes its time to load, on a busy machine more."""
    async with asyncio.timeout(90), httpx2.AsyncClient(trust_env=False) as http:
        while True:
            try:
                await http.get(url)
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_our_agent_works_at_a_foreign_issuer_and_server_by_its_own_rights(
    place: Abroad, tokens: Tokens, tmp_path: Path
) -> None:
    async with our_agent(place, tmp_path, tokens, acts="itself") as ask:
        answer = await ask("call next_tide {}")

    assert "at six, voyager" in answer["output"]
    obtained = [step for step in answer["steps"] if step["event"] == "token_obtained"]
    assert [(one["resource"], one["how"], one["actors"]) for one in obtained] == [(place.resource, "own", [])]


async def test_our_agent_says_what_to_do_where_the_foreign_issuer_has_no_token_exchange(
    place: Abroad, tokens: Tokens, tmp_path: Path
) -> None:
    async with our_agent(place, tmp_path, tokens, acts="caller") as ask:
        answer = await ask("call next_tide {}")

    (away,) = (step for step in answer["steps"] if step["event"] == "server_away")
    assert "`acts: itself` in its profile" in away["why"]
    assert "at six" not in answer["output"]


def test_an_errand_of_our_agent_prints_what_the_foreign_tool_says(place: Abroad, tmp_path: Path) -> None:
    environ = profile_of(place, tmp_path, free_port(), acts="caller")
    command = [sys.executable, "-m", "daca_agents", "voyager", "--errand", "call next_tide {}"]

    run = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=90)

    assert run.returncode == 0, run.stderr
    assert "at six, voyager" in run.stdout
