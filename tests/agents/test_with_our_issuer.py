"""The machine path with every part our own: from the secret store to the tool's answer, in one process."""

import base64
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from auth_server.app import create_app as create_issuer
from auth_server.settings import Settings as IssuerSettings
from oauth_client import ClientSecret, TokenAuth, Tokens
from sidecar.embedded import SqliteState
from tests.agents.conftest import CLOCK, NOTES, RESEARCHER, World, lifespan
from tests.mcp_server.issuer import ISSUER

IDENTITY = Path(__file__).resolve().parents[2] / "identity.yaml"


@asynccontextmanager
async def our_issuer(world: World, folder: Path) -> AsyncGenerator[None]:
    """Our authorization server at the issuer's place, with the repository's own identity.yaml."""
    world.secrets.put("client-operator", {"secret": "s3cret-of-the-operator"})
    world.secrets.put("auth-server-kek", {"kek": base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")})
    async with SqliteState(folder / "state.db", "auth-server") as state:
        sidecar = world.sidecar_with(state)
        app = create_issuer(IssuerSettings(identity=IDENTITY, data=folder), sidecar)
        async with lifespan(app):
            world.wire.apps[ISSUER] = app
            yield


def operator(world: World, resource: str) -> httpx2.AsyncClient:
    """Whoever runs the system, with tokens of its own."""
    wire = httpx2.AsyncClient(transport=world.wire)
    tokens = Tokens(credentials=ClientSecret("operator", "s3cret-of-the-operator"), http=wire, issuer=ISSUER)
    return httpx2.AsyncClient(transport=world.wire, auth=TokenAuth(tokens, resource=resource))


@pytest.mark.requirement("CM-04")
async def test_the_operator_asks_and_the_researcher_answers_with_tokens_of_its_own(
    world: World, tmp_path: Path
) -> None:
    async with our_issuer(world, tmp_path):
        await world.restart("notes", "clock")
        await world.start()
        async with operator(world, RESEARCHER) as http:
            question = {"input": "What time is it in Berlin? List all notes."}
            answer = await http.post(f"{RESEARCHER}/ask", json=question)
        assert answer.status_code == 200
        assert "get_time says" in answer.json()["output"]
        assert "list_notes says" in answer.json()["output"]


@pytest.mark.requirement("RS-10", "RS-11")
async def test_a_token_of_our_issuer_is_worthless_anywhere_else(world: World, tmp_path: Path) -> None:
    async with our_issuer(world, tmp_path):
        await world.restart("notes", "clock")
        await world.start()
        wire = httpx2.AsyncClient(transport=world.wire)
        credentials = ClientSecret("operator", "s3cret-of-the-operator")
        tokens = Tokens(credentials=credentials, http=wire, issuer=ISSUER)
        places = (f"{NOTES}/mcp", f"{CLOCK}/mcp", RESEARCHER)
        for made_for in places:
            token = await tokens.fetch(made_for)
            headers = {"authorization": f"Bearer {token.access_token}", "accept": "application/json"}
            for place in places:
                url = f"{place}/ask" if place == RESEARCHER else place
                answer = await wire.post(url, json={}, headers=headers)
                assert (answer.status_code == 401) == (place != made_for), (made_for, place)
