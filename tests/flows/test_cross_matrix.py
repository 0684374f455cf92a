"""The cross matrix: every agent and server, every token. Exactly the allowed cells answer, and each refusal says how.

The tables here are written by hand from what identity.yaml means to allow; nothing in them is computed from it.
"""

from collections.abc import AsyncGenerator, Mapping
from itertools import product
from pathlib import Path

import httpx2
import pytest

from oauth_client import OAuthClientError, TokenRefused
from tests.flows.household import MACHINES, RESOURCES, Household, household
from tests.mcp_server.issuer import ISSUER

# What each machine may have for itself, and nothing else.
OWN: Mapping[str, Mapping[str, str]] = {
    "operator": {
        "notes": "mcp:delete mcp:read mcp:write",
        "clock": "mcp:read",
        "concierge": "agent:ask agent:save",
        "researcher": "agent:ask",
        "scribe": "agent:ask",
    },
    "concierge": {"researcher": "agent:ask", "scribe": "agent:ask"},
    "researcher": {"notes": "mcp:read", "clock": "mcp:read"},
    "scribe": {"notes": "mcp:read mcp:write"},
}

# By whom a token for which resource goes on where, and with what.
ONWARD: Mapping[tuple[str, str, str], str] = {
    ("concierge", "concierge", "researcher"): "agent:ask",
    ("concierge", "concierge", "scribe"): "agent:ask",
    ("researcher", "researcher", "notes"): "mcp:read",
    ("researcher", "researcher", "clock"): "mcp:read",
    ("scribe", "scribe", "notes"): "mcp:write",
}

# Which tools of notes a scope opens.
OPENS: Mapping[str, frozenset[str]] = {
    "mcp:read": frozenset({"list_notes", "search_notes", "read_note"}),
    "mcp:write": frozenset({"list_notes", "search_notes", "read_note", "write_note"}),
    "mcp:delete": frozenset(),
    "mcp:delete mcp:read": frozenset({"list_notes", "search_notes", "read_note", "delete_note"}),
    "mcp:delete mcp:write": frozenset({"list_notes", "search_notes", "read_note", "write_note", "delete_note"}),
}
CALLS = {
    "list_notes": {},
    "search_notes": {"query": "plan"},
    "read_note": {"name": "Plan"},
    "write_note": {"name": "Plan", "text": "A plan."},
    "delete_note": {"name": "Plan"},
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[Household]:
    async with household(tmp_path) as found:
        yield found


async def every_token(house: Household) -> dict[str, tuple[str, str]]:
    """Every kind of token that there is: whose and how it came, where it is for, and the token."""
    found = {
        f"{client} itself for {resource}": (
            resource,
            await house.token(client, resource, *OWN[client][resource].split()),
        )
        for client in MACHINES
        for resource in OWN[client]
    }
    for agent, subject, resource in ONWARD:
        scopes = ONWARD[agent, subject, resource].split()
        token = await house.exchanged(agent, found[f"operator itself for {subject}"][1], resource, *scopes)
        found[f"{agent} for operator, for {resource}"] = (resource, token)
    through = found["concierge for operator, for scribe"][1]
    found["scribe for concierge for operator"] = (
        "notes",
        await house.exchanged("scribe", through, "notes", "mcp:write"),
    )
    asked = found["concierge for operator, for researcher"][1]
    found["researcher for concierge for operator"] = ("clock", await house.exchanged("researcher", asked, "clock"))
    return found


@pytest.mark.requirement("RS-10", "RS-11", "AS-31")
async def test_every_token_is_good_at_its_one_resource_and_nowhere_else(house: Household) -> None:
    tokens = await every_token(house)
    seen: dict[tuple[str, str], int] = {}
    for (whose, (_, token)), door in product(tokens.items(), RESOURCES):
        answer = await house.knock(door, token)
        seen[whose, door] = answer.status_code
        if answer.status_code != 200:
            challenge = answer.headers["www-authenticate"]
            assert 'error="invalid_token"' in challenge, (whose, door)
            assert "resource_metadata=" in challenge, (whose, door)

    wanted = {
        (whose, door): 200 if door == there else 401 for whose, (there, _) in tokens.items() for door in RESOURCES
    }
    assert seen == wanted
    assert len(tokens) == 17


@pytest.mark.requirement("AS-44", "AS-32")
async def test_each_machine_gets_tokens_for_exactly_what_it_may_reach(house: Household) -> None:
    got: dict[tuple[str, str], str] = {}
    for client, resource in product(MACHINES, RESOURCES):
        form = {"grant_type": "client_credentials", "resource": RESOURCES[resource]}
        secret = (client, f"s3cret-of-the-{client}")
        answer = await house.http.post(f"{ISSUER}/token", data=form, auth=secret)
        got[client, resource] = "token" if answer.status_code == 200 else answer.json()["error"]

    assert got == {
        (client, resource): "token" if resource in OWN[client] else "invalid_target"
        for client, resource in product(MACHINES, RESOURCES)
    }


@pytest.mark.requirement("RS-34")
async def test_exactly_the_declared_agents_go_on_with_a_token_to_exactly_the_declared_resources(
    house: Household,
) -> None:
    subjects = {
        resource: await house.token("operator", resource, *scopes.split())
        for resource, scopes in OWN["operator"].items()
    }
    got: dict[tuple[str, str, str], str] = {}
    for agent, subject, resource in product(MACHINES, RESOURCES, RESOURCES):
        try:
            await house.exchanged(agent, subjects[subject], resource)
        except TokenRefused as refused:
            got[agent, subject, resource] = refused.error
        else:
            got[agent, subject, resource] = "token"

    assert got == {cell: _verdict(*cell) for cell in product(MACHINES, RESOURCES, RESOURCES)}
    assert sum(verdict == "token" for verdict in got.values()) == len(ONWARD)


def _verdict(agent: str, subject: str, resource: str) -> str:
    if agent == "operator":
        return "unauthorized_client"
    if agent != subject:
        return "invalid_request"
    return "token" if (agent, subject, resource) in ONWARD else "invalid_target"


@pytest.mark.requirement("RS-18", "RS-21")
@pytest.mark.parametrize("scope", OPENS)
async def test_a_scope_opens_exactly_its_tools(house: Household, scope: str) -> None:
    token = await house.token("operator", "notes", *scope.split())
    seen: dict[str, int] = {}
    for tool, arguments in CALLS.items():
        answer: httpx2.Response = await house.call("notes", token, "tools/call", {"name": tool, "arguments": arguments})
        seen[tool] = answer.status_code
        if answer.status_code == 403:
            assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]

    assert seen == {tool: 200 if tool in OPENS[scope] else 403 for tool in CALLS}


@pytest.mark.requirement("RS-34")
async def test_nothing_on_the_way_is_wider_than_what_came(house: Household) -> None:
    asked = await house.token("operator", "concierge", "agent:ask")
    for agent, token, resource, scope in (
        ("concierge", asked, "scribe", "agent:ask"),
        ("scribe", await house.token("operator", "scribe"), "notes", "mcp:delete"),
        ("researcher", await house.token("operator", "researcher"), "notes", "mcp:write"),
        ("researcher", await house.token("operator", "researcher"), "clock", "mcp:write"),
    ):
        with pytest.raises(OAuthClientError) as refused:
            await house.exchanged(agent, token, resource, scope)
        assert isinstance(refused.value, TokenRefused)
        assert refused.value.error in {"invalid_target", "invalid_scope"}


@pytest.mark.requirement("RS-21")
async def test_a_scope_that_implies_asking_lets_in_and_the_card_tells_of_both(house: Household) -> None:
    answer = await house.knock("concierge", await house.token("operator", "concierge", "agent:save"))
    assert answer.status_code == 200

    card = (await house.http.get(f"{RESOURCES['concierge']}/.well-known/agent-card.json")).json()
    machines = card["securitySchemes"]["oauth2"]["oauth2SecurityScheme"]["flows"]["clientCredentials"]
    assert set(machines["scopes"]) == {"agent:ask", "agent:save"}
    assert {"schemes": {"oauth2": {"list": ["agent:ask"]}}} in card["securityRequirements"]
