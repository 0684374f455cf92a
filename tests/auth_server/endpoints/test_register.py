import asyncio
import time
from typing import Any

import httpx2
import pytest

from auth_server import admin
from tests.auth_server.world import CLIENT_KEY, CLOCK, NOTES, REPORTS, Server, World, claims, error, signed


@pytest.fixture
def world(world: World) -> World:
    """The operator's side reads the machine's clock, so these servers do too."""
    world.clock.now = time.time()
    return world


async def _invitation(world: World, uses: int = 1, **scopes: str) -> str:
    identity = admin.load_identity(world.identity)
    resources = {NOTES: ["mcp:read", "mcp:write"], CLOCK: ["mcp:read"]}
    return (await admin.invite(world.state, identity, resources=resources, uses=uses, expires_in=600)).token


async def _register(server: Server, token: str | None, **metadata: Any) -> httpx2.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return await server.http.post("/register", json=metadata, headers=headers)


@pytest.mark.requirement("AS-12", "AS-13")
async def test_an_invited_machine_gets_an_id_and_a_secret_that_work_on_every_replica(
    server: Server, replica: Server
) -> None:
    answer = await _register(server, await _invitation(server.world), client_name="A machine", unknown="ignored")
    told = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    client_id, secret, issued = told.pop("client_id"), told.pop("client_secret"), told.pop("client_id_issued_at")
    assert abs(issued - time.time()) < 60
    assert told == {
        "client_name": "A machine",
        "client_secret_expires_at": 0,
        "grant_types": ["client_credentials"],
        "response_types": [],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "mcp:read mcp:write",
    }
    token = await replica.token(basic=f"{client_id}:{secret}", resource=NOTES, scope="mcp:write")
    assert token.json()["scope"] == "mcp:write"
    for resource in (REPORTS, NOTES):
        asked = await server.token(basic=f"{client_id}:{secret}", resource=resource, scope="mcp:delete")
        assert asked.status_code == 400


async def test_only_the_hash_of_a_secret_is_kept(server: Server) -> None:
    told = (await _register(server, await _invitation(server.world))).json()
    stored = b"".join(path.read_bytes() for path in server.world.folder.glob("state.db*"))
    assert told["client_id"].encode() in stored
    assert told["client_secret"].encode() not in stored


@pytest.mark.requirement("AS-12", "AS-14")
async def test_an_invited_machine_may_bring_its_key(server: Server) -> None:
    jwks = {"keys": [CLIENT_KEY.as_dict(private=False)]}
    token = await _invitation(server.world)
    answer = await _register(server, token, token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    assert answer.status_code == 201
    assert answer.json()["jwks"] == jwks
    assert "client_secret" not in answer.json()
    now = server.world.clock.now
    assertion = signed(claims(answer.json()["client_id"], iat=now, exp=now + 60))
    assert (await server.with_assertion(assertion, resource=NOTES)).status_code == 200


@pytest.mark.requirement("AS-12")
async def test_a_machine_may_ask_for_less_than_it_was_invited_to(server: Server) -> None:
    told = (await _register(server, await _invitation(server.world), scope="mcp:write")).json()
    basic = f"{told['client_id']}:{told['client_secret']}"
    assert (await server.token(basic=basic, resource=NOTES, scope="mcp:write")).status_code == 200
    assert error(await server.token(basic=basic, resource=CLOCK, scope="mcp:read")) == (400, "invalid_target")


@pytest.mark.requirement("AS-41")
async def test_nobody_registers_without_an_invitation(server: Server) -> None:
    missing = await _register(server, None)
    assert error(missing) == (401, "invalid_token")
    assert missing.headers["www-authenticate"] == 'Bearer realm="register"'
    wrong = await _register(server, "guess")
    assert error(wrong) == (401, "invalid_token")
    assert wrong.headers["www-authenticate"] == 'Bearer realm="register", error="invalid_token"'
    basic = await server.http.post("/register", json={}, headers={"authorization": "Basic eDp5"})
    assert error(basic) == (401, "invalid_token")


async def test_an_invitation_has_as_many_uses_as_it_says_however_many_race(server: Server, replica: Server) -> None:
    token = await _invitation(server.world, uses=3)
    answers = await asyncio.gather(*(_register(where, token) for where in [server, replica] * 6))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [401] * 9
    listed = await admin.list_clients(server.world.state, admin.load_identity(server.world.identity))
    made = {client.client_id for client in listed if client.origin == "run time"}
    assert made == {answer.json()["client_id"] for answer in answers if answer.status_code == 201}


async def test_an_invitation_expires(server: Server) -> None:
    token = await _invitation(server.world)
    server.world.clock.now += 601
    assert error(await _register(server, token)) == (401, "invalid_token")


JWKS: list[Any] = [
    {"keys": []},
    {"keys": [1]},
    {"keys": "x"},
    [],
    {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
    {"keys": [CLIENT_KEY.as_dict(private=True)]},
    {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]},
    {"keys": [{"kty": "EC", "crv": "P-256"}]},
    {"keys": [{"kty": ["EC"], "x": {}}]},
    {"keys": [{**CLIENT_KEY.as_dict(private=False), "use": "enc"}]},
    {"keys": [CLIENT_KEY.as_dict(private=False)] * 11},
    {"keys": [{"kty": "RSA", "e": "AQAB", "n": "0Cj_"}]},
]
UNACCEPTABLE: list[tuple[dict[str, Any], str]] = [
    ({"redirect_uris": ["https://client.example/cb"]}, "invalid_redirect_uri"),
    ({"grant_types": ["authorization_code"]}, "invalid_client_metadata"),
    ({"grant_types": ["client_credentials", "refresh_token"]}, "invalid_client_metadata"),
    ({"grant_types": "client_credentials"}, "invalid_client_metadata"),
    ({"response_types": ["code"]}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": ["private_key_jwt"]}, "invalid_client_metadata"),
    ({"client_name": 7}, "invalid_client_metadata"),
    ({"client_name": "x" * 201}, "invalid_client_metadata"),
    ({"client_name": "a\nb"}, "invalid_client_metadata"),
    ({"scope": "mcp:delete"}, "invalid_client_metadata"),
    ({"scope": "mcp:read  mcp:write"}, "invalid_client_metadata"),
    ({"scope": ["mcp:read"]}, "invalid_client_metadata"),
    ({"jwks": {"keys": []}, "jwks_uri": "https://client.example/jwks"}, "invalid_client_metadata"),
    ({"jwks_uri": "https://client.example/jwks"}, "invalid_client_metadata"),
    ({"jwks": {"keys": [CLIENT_KEY.as_dict(private=False)]}}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
    *(({"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}, "invalid_client_metadata") for jwks in JWKS),
]


@pytest.mark.requirement("AS-13", "AS-14")
@pytest.mark.parametrize(
    ("metadata", "code"),
    UNACCEPTABLE,
)
async def test_metadata_that_is_no_good_is_refused_and_costs_no_use(
    server: Server, metadata: dict[str, Any], code: str
) -> None:
    token = await _invitation(server.world)
    assert error(await _register(server, token, **metadata)) == (400, code)
    assert (await _register(server, token)).status_code == 201


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"x"', b"[" * 20_000])
async def test_a_body_that_is_no_json_object_is_refused(server: Server, body: bytes) -> None:
    headers = {"authorization": f"Bearer {await _invitation(server.world)}", "content-type": "application/json"}
    answer = await server.http.post("/register", content=body, headers=headers)
    assert error(answer) == (400, "invalid_client_metadata")


async def test_a_body_of_another_type_is_refused(server: Server) -> None:
    headers = {"authorization": f"Bearer {await _invitation(server.world)}"}
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        sent = {**headers, "content-type": content_type}
        answer = await server.http.post("/register", content=b"{}", headers=sent)
        assert error(answer) == (400, "invalid_client_metadata")


@pytest.mark.requirement("CM-08")
async def test_an_invitation_is_not_taken_from_the_url(server: Server) -> None:
    token = await _invitation(server.world)
    answer = await server.http.post(f"/register?access_token={token}", json={})
    assert error(answer) == (400, "invalid_request")
