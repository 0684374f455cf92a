"""Three agents in a row before the tools, a person and an operator in front of them, and what each asks for."""

from collections.abc import Mapping
from typing import Any

import httpx2
from joserfc import jwt

from tests.auth_server.person import Person, redeem
from tests.auth_server.world import IDENTITY, Server, World

CONCIERGE, SCRIBE, ARCHIVE = "http://localhost:8010", "http://localhost:8012", "http://localhost:8013"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
AGENTS = {name: f"{name}:secret-of-{name}-with-many-characters" for name in ("concierge", "quill", "archivist")}

_RESOURCES = """
  - name: concierge
    uri: http://localhost:8010
    scopes: { "agent:ask": Ask it, "agent:save": Have it save notes, "agent:idle": Nothing more }
    default_scopes: [agent:ask]
    token_lifetime: 600
  - name: scribe
    uri: http://localhost:8012
    scopes: { "agent:ask": Ask it, "agent:save": Have it save notes }
    default_scopes: [agent:ask]
    token_lifetime: 600
  - name: archive
    uri: http://localhost:8013
    scopes: { "agent:ask": Ask it }
    default_scopes: [agent:ask]
clients:
"""
_CLIENTS = """
  - client_id: concierge
    token_endpoint_auth_method: client_secret_basic
    secret: client-concierge
    resources: { "http://localhost:8012": [agent:ask] }
    answers_at: http://localhost:8010
    delegation:
      agent:ask: { "http://localhost:8012": [agent:ask] }
      agent:save: { "http://localhost:8012": [agent:save], "http://localhost:8001/mcp": [mcp:read] }
  - client_id: quill
    token_endpoint_auth_method: client_secret_basic
    secret: client-quill
    resources: { "http://localhost:8000/mcp": [mcp:read, mcp:delete] }
    answers_at: http://localhost:8012
    delegation:
      agent:ask: { "http://localhost:8000/mcp": [mcp:read], "http://localhost:8013": [agent:ask] }
      agent:save: { "http://localhost:8000/mcp": [mcp:write] }
  - client_id: archivist
    token_endpoint_auth_method: client_secret_basic
    secret: client-archivist
    resources: {}
    answers_at: http://localhost:8013
    delegation:
      agent:ask: { "http://localhost:8010": [agent:ask], "http://localhost:8012": [agent:ask] }
users:
"""
_OPERATORS = """
      http://localhost:8010: [agent:ask, agent:save, agent:idle]
"""
WITH_AGENTS = (
    IDENTITY.replace("\nclients:\n", _RESOURCES, 1)
    .replace("\nusers:\n", _CLIENTS, 1)
    .replace("      http://localhost:8001/mcp: [mcp:read]\n      https", _OPERATORS[1:] + "      https", 1)
)


def with_agents(world: World, text: str = WITH_AGENTS) -> None:
    """Let the installation have the agents."""
    world.write_identity(text)
    for name, pair in AGENTS.items():
        world.secrets.found[f"client-{name}"] = {"secret": pair.partition(":")[2]}


async def exchange(server: Server, agent: str, token: str, resource: str | None, **changed: str) -> httpx2.Response:
    """An agent's request to go on with somebody's token; an empty parameter counts as not sent."""
    form = {
        "grant_type": EXCHANGE,
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
        "resource": resource or "",
        **changed,
    }
    return await server.post("/token", form, basic=AGENTS.get(agent, agent))


async def exchanged(server: Server, agent: str, token: str, resource: str, **changed: str) -> str:
    answer = await exchange(server, agent, token, resource, **changed)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def claims_in(server: Server, token: str) -> dict[str, Any]:
    verified: jwt.Token = await server.verified(token)
    return verified.claims


async def by_operator(server: Server, scope: str = "agent:ask agent:save", **form: str) -> str:
    """The operator's own token for the concierge."""
    answer = await server.operator(resource=CONCIERGE, scope=scope, **form)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def by_grace(server: Server, *scopes: str) -> str:
    """Grace's token for the concierge, at the desk: she is asked for both scopes and ticks these."""
    asked = {"resource": CONCIERGE, "scope": "agent:ask agent:save"}
    told = await Person(server=server).allow(*(scopes or ("agent:ask", "agent:save")), **asked)
    answer = await redeem(server, told["code"])
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def chain_of(claims: Mapping[str, Any]) -> list[str]:
    """Who acted, the latest first."""
    found: list[str] = []
    act = claims.get("act")
    while act:
        found.append(act["sub"])
        assert set(act) <= {"sub", "act"}
        act = act.get("act")
    return found
