"""Every agent and server, every token, on a cluster: tokens come by sidecars, inside; doors are tried from outside.

The tables are written by hand, from what identity.yaml means to allow. What of it needs no cluster: tests/flows.
"""

import json
from collections.abc import Mapping
from itertools import product
from typing import Any

import httpx2
import pytest

from tests.k8s.asking import ISSUER, claims_of
from tests.k8s.conftest import AGENTS, Document, System

pytestmark = [pytest.mark.needs("kubernetes")]
DOORS = {
    "notes": "http://localhost:8000/mcp",
    "clock": "http://localhost:8001/mcp",
    "concierge": "http://localhost:8010",
    "researcher": "http://localhost:8011",
    "scribe": "http://localhost:8012",
}
OWN = {"concierge": {"researcher", "scribe"}, "researcher": {"notes", "clock"}, "scribe": {"notes"}}
# In the name of the caller whose token for the agent itself it holds.
ONWARD = {"concierge": {"researcher", "scribe"}, "researcher": {"notes", "clock"}, "scribe": {"notes"}}


async def token_of_operator(front: httpx2.AsyncClient, operator: tuple[str, str], door: str) -> str:
    form = {"grant_type": "client_credentials", "resource": DOORS[door]}
    answer = await front.post(f"{ISSUER}/token", data=form, auth=operator)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def minted(daca: System, agent: str, doors: list[str], of: str | None = None) -> dict[str, Mapping[str, str]]:
    """What the agent gets for each, by its own proof and its own sidecar."""
    wanted: list[Document] = [{"resource": DOORS[door], "of": of} for door in doors]
    found: Any = daca.inside(agent, "mint.py", agent, json.dumps(wanted), seconds=120)
    return dict(zip(doors, found, strict=True))


async def knock(front: httpx2.AsyncClient, door: str, token: str) -> httpx2.Response:
    """The least that a holder of a good token gets an answer to."""
    headers = {
        "authorization": f"Bearer {token}",
        "accept": "application/json, text/event-stream",
        "a2a-version": "1.0",
    }
    if door in AGENTS:
        asked = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "nobody-began-it"}}
        return await front.post(f"{DOORS[door]}/a2a", json=asked, headers=headers)
    listed: Document = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    return await front.post(DOORS[door], json=listed, headers=headers)


async def test_each_agent_gets_tokens_for_exactly_what_it_may_reach_and_each_is_good_there_alone(
    daca: System, operator: tuple[str, str]
) -> None:
    tokens: dict[tuple[str, str], str] = {}
    async with daca.front() as front:
        for door in DOORS:
            tokens["operator", door] = await token_of_operator(front, operator, door)
        refused: dict[tuple[str, str], str] = {}
        for agent in AGENTS:
            for door, found in minted(daca, agent, list(DOORS)).items():
                if "token" in found:
                    tokens[agent, door] = found["token"]
                else:
                    refused[agent, door] = found["refused"]
        seen = {
            (whose, door): (await knock(front, door, token)).status_code
            for (whose, token), door in product(tokens.items(), DOORS)
        }
    assert refused == {cell: "invalid_target" for cell in product(AGENTS, DOORS) if cell[1] not in OWN[cell[0]]}
    assert seen == {(whose, door): 200 if door == whose[1] else 401 for whose, door in product(tokens, DOORS)}
    assert len(seen) == 50


async def test_exactly_the_declared_agents_go_on_in_a_callers_name_and_the_chain_is_kept(
    daca: System, operator: tuple[str, str]
) -> None:
    async with daca.front() as front:
        subjects = {door: await token_of_operator(front, operator, door) for door in DOORS}
    got: dict[tuple[str, str, str], str] = {}
    passed: dict[tuple[str, str], str] = {}
    for agent, (subject, token) in product(AGENTS, subjects.items()):
        for door, found in minted(daca, agent, list(DOORS), of=token).items():
            got[agent, subject, door] = found.get("refused", "token")
            if "token" in found:
                passed[agent, door] = found["token"]
    assert {cell for cell, said in got.items() if said == "token"} == {
        (agent, agent, door) for agent in AGENTS for door in ONWARD[agent]
    }
    assert set(got.values()) <= {"token", "invalid_request", "invalid_target"}

    written = minted(daca, "scribe", ["notes"], of=passed["concierge", "scribe"])["notes"]["token"]
    claims = claims_of(written)
    assert claims["sub"] == claims_of(subjects["concierge"])["sub"]
    assert claims["act"] == {"sub": "client:scribe", "act": {"sub": "client:concierge"}}
    async with daca.front() as front:
        seen = {door: (await knock(front, door, written)).status_code for door in DOORS}
    assert seen == {door: 200 if door == "notes" else 401 for door in DOORS}
