"""Two agents that may ask people, the requests they send, and the page where a person decides."""

import re
from typing import Any

import httpx2

from tests.auth_server.person import Person
from tests.auth_server.world import IDENTITY, NOTES, Server, World

CIBA = "urn:openid:params:grant-type:ciba"
AGENTS = {name: f"{name}:secret-of-{name}-with-many-characters" for name in ("quill", "raven")}
_CLIENTS = """
  - client_id: quill
    client_name: Quill, an agent
    token_endpoint_auth_method: client_secret_basic
    secret: client-quill
    resources: {}
    backchannel:
      http://localhost:8000/mcp: [mcp:write, mcp:delete]
      http://localhost:8001/mcp: [mcp:read]
  - client_id: raven
    token_endpoint_auth_method: client_secret_basic
    secret: client-raven
    resources: {}
    backchannel:
      http://localhost:8000/mcp: [mcp:delete]
users:
"""
WITH_ASKING = IDENTITY.replace("\nusers:\n", _CLIENTS, 1)
REASON = "You told me to delete the note about milk"
_REQUEST = re.compile(r'name="request" value="([0-9a-f]{32})"')


def with_asking(world: World, text: str = WITH_ASKING) -> None:
    """Let the installation have the agents."""
    world.write_identity(text)
    for name, pair in AGENTS.items():
        world.secrets.found[f"client-{name}"] = {"secret": pair.partition(":")[2]}


async def ask(server: Server, agent: str = "quill", **changed: str) -> httpx2.Response:
    """A sound request of an agent to ask grace; an empty parameter counts as not sent."""
    sound = {"scope": "mcp:delete", "resource": NOTES, "login_hint": "u-grace", "binding_message": REASON}
    return await server.post("/bc-authorize", {**sound, **changed}, basic=AGENTS.get(agent, agent))


async def asked(server: Server, agent: str = "quill", **changed: str) -> str:
    """The auth_req_id of a request that was taken."""
    answer = await ask(server, agent, **changed)
    assert answer.status_code == 200, answer.text
    return answer.json()["auth_req_id"]


async def poll(server: Server, auth_req_id: str, agent: str = "quill", **changed: str) -> httpx2.Response:
    form = {"grant_type": CIBA, "auth_req_id": auth_req_id, **changed}
    return await server.post("/token", form, basic=AGENTS.get(agent, agent))


async def token(server: Server, auth_req_id: str, agent: str = "quill") -> dict[str, Any]:
    answer = await poll(server, auth_req_id, agent)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def at_requests(server: Server, **who: str) -> Person:
    """Somebody, signed in, with the page in front of them."""
    person = Person(server=server, **who)  # type: ignore[arg-type]  all of them are text
    await person.get("/requests")
    await person.sign_in()
    assert "What you are asked for" in person.page, person.page
    return person


def waiting(person: Person) -> list[str]:
    """What the page in front says is waiting."""
    return _REQUEST.findall(person.page)


async def decide(person: Person, decision: str, *scopes: str, number: int = 0) -> httpx2.Response:
    """Decide about one request of the page in front, with these ticked, or else all."""
    ticked = {f"scope:{scope}": "on" for scope in scopes or person.boxes()}
    form = {**person.hidden(), "request": waiting(person)[number], **ticked, "decision": decision}
    return await person.post("/requests", form)
