"""The machine path on a cluster: 1 → 2 → 3 → 8 → 5, from outside through the front doors and inside through the sidecars."""

import secrets

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from oauth_client import ClientSecret, TokenAuth, TokenRefused, Tokens

NOTES = "http://localhost:8000/mcp"
ISSUER = "http://localhost:9000"
pytestmark = [pytest.mark.needs("kubernetes")]


async def _call(front: httpx2.AsyncClient, auth: TokenAuth, tool: str, arguments: dict[str, str]) -> str:
    transport = front._transport
    async with (
        httpx2.AsyncClient(transport=transport, auth=auth, timeout=20) as http,
        Client(streamable_http_client(NOTES, http_client=http)) as session,
    ):
        result = await session.call_tool(tool, arguments)
    assert not result.is_error, result
    return " ".join(part.text for part in result.content if part.type == "text")


async def test_from_outside_the_operator_finds_a_token_by_itself_and_writes_a_note(daca, operator) -> None:
    client_id, secret = operator
    async with daca.front() as front:
        refused = await front.post(NOTES, json={})
        assert refused.status_code == 401
        assert (
            'resource_metadata="http://localhost:8000/.well-known/oauth-protected-resource/mcp"'
            in (refused.headers["www-authenticate"])
        )
        proof = ClientSecret(client_id, secret=secret, method="client_secret_basic")
        tokens = Tokens(credentials=proof, http=front, issuer=ISSUER)
        auth = TokenAuth(tokens, resource=NOTES, scopes=("mcp:write",))
        name = f"outside-{secrets.token_hex(4)}"
        await _call(front, auth, "write_note", {"name": name, "text": "written on a cluster"})
        assert name in await _call(front, auth, "list_notes", {})


async def test_from_outside_a_wrong_secret_gets_no_token(daca) -> None:
    async with daca.front() as front:
        proof = ClientSecret("operator", secret="a-secret-that-nobody-made", method="client_secret_basic")
        with pytest.raises(TokenRefused, match="invalid_client"):
            await Tokens(credentials=proof, http=front, issuer=ISSUER).fetch(NOTES)


@pytest.mark.parametrize(
    ("resource", "tool", "arguments"),
    [(NOTES, "list_notes", "{}"), ("http://localhost:8001/mcp", "get_time", '{"time_zone": "UTC"}')],
)
def test_inside_the_agent_calls_a_tool_through_both_sidecars(daca, resource: str, tool: str, arguments: str) -> None:
    found = daca.inside("researcher", "agent.py", "researcher", resource, tool, arguments)
    assert found["error"] is False
    assert found["scopes"] == ["mcp:read"]


def test_a_token_means_the_same_outside_and_inside(daca, operator) -> None:
    body = "grant_type=client_credentials&resource=http%3A%2F%2Flocalhost%3A8000%2Fmcp"
    form = f"{body}&client_id={operator[0]}&client_secret={operator[1]}"
    answer = daca.beside("ask.py", "POST", "http://auth-server.daca:9000/token", form, "content-type=application/x-www-form-urlencoded")  # fmt: skip
    assert answer["status"] == 200
    token = answer["text"].split('"access_token":"')[1].split('"')[0]
    again = daca.inside(
        "researcher", "ask.py", "GET", "sidecar:/v1.0/invoke/notes/method/mcp", "", f"authorization=Bearer {token}"
    )
    assert again["status"] == 405, again


def test_an_app_is_up_in_under_three_seconds(daca) -> None:
    for app in ("auth-server", "notes", "clock", "researcher"):
        (pod, *_) = daca.kubectl.json("get", "pods", "--selector", f"app.kubernetes.io/name={app}")["items"]
        lines = daca.kubectl("logs", pod["metadata"]["name"], "--container", "app").splitlines()
        assert lines, app
