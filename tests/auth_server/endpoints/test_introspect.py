import pytest

from tests.auth_server.world import CLOCK, ISSUER, NOTES, OPERATOR, REPORTS, RESEARCHER, START, Server, error


async def _token(server: Server, **form: str) -> str:
    return (await server.token(resource=NOTES, **form)).json()["access_token"]


@pytest.mark.requirement("AS-06")
@pytest.mark.parametrize("basic", [RESEARCHER, OPERATOR])
async def test_its_own_client_and_the_resources_client_see_a_token(server: Server, basic: str) -> None:
    answer = await server.post("/introspect", {"token": await _token(server)}, basic=basic)
    told = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert told.pop("jti")
    assert told == {
        "active": True,
        "token_type": "Bearer",
        "iss": ISSUER,
        "aud": NOTES,
        "sub": "client:researcher",
        "client_id": "researcher",
        "scope": "mcp:read",
        "iat": int(START),
        "exp": int(START) + 300,
    }


async def test_to_anyone_else_a_token_is_inactive(server: Server) -> None:
    for resource in (CLOCK, REPORTS):
        token = (await server.operator(resource=resource, scope="mcp:read")).json()["access_token"]
        answer = await server.post("/introspect", {"token": token}, basic=RESEARCHER)
        assert answer.json() == {"active": False}


async def test_what_is_expired_revoked_tampered_or_no_token_is_inactive(server: Server) -> None:
    token = await _token(server)
    revoked = await _token(server)
    await server.post("/revoke", {"token": revoked}, basic=RESEARCHER)
    tampered = token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")
    head, body, signature = token.split(".")
    for other in (revoked, tampered, "x", "a.b.c", f"{head}.{body}.", f"{body}.{body}.{signature}"):
        answer = await server.post("/introspect", {"token": other}, basic=RESEARCHER)
        assert (answer.status_code, answer.json()) == (200, {"active": False}), other
    server.world.clock.now += 300
    assert (await server.post("/introspect", {"token": token}, basic=RESEARCHER)).json() == {"active": False}


async def test_who_asks_must_prove_itself_and_name_a_token(server: Server) -> None:
    token = await _token(server)
    assert error(await server.post("/introspect", {"token": token})) == (401, "invalid_client")
    assert error(await server.post("/introspect", {"token": token}, basic="researcher:no")) == (401, "invalid_client")
    assert error(await server.post("/introspect", {}, basic=RESEARCHER)) == (400, "invalid_request")
    assert (await server.http.get("/introspect")).status_code == 405


async def test_an_outage_does_not_make_a_token_active(server: Server) -> None:
    token = await _token(server)
    server.world.state.away = True
    answer = await server.post("/introspect", {"token": token}, basic=RESEARCHER)
    assert error(answer) == (503, "temporarily_unavailable")
