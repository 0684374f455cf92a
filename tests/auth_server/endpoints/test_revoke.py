import pytest

from tests.auth_server.world import NOTES, OPERATOR, RESEARCHER, Server, error


async def _token(server: Server) -> str:
    return (await server.token(resource=NOTES)).json()["access_token"]


@pytest.mark.requirement("AS-30")
async def test_a_revoked_token_is_inactive_on_every_replica(server: Server, replica: Server) -> None:
    token = await _token(server)
    answer = await server.post("/revoke", {"token": token, "token_type_hint": "access_token"}, basic=RESEARCHER)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await replica.post("/introspect", {"token": token}, basic=OPERATOR)).json() == {"active": False}
    other = await _token(server)
    assert (await replica.post("/introspect", {"token": other}, basic=OPERATOR)).json()["active"]


@pytest.mark.requirement("AS-30")
async def test_what_is_no_token_needs_no_revoking(server: Server) -> None:
    expired = await _token(server)
    server.world.clock.now += 1000
    server.world.state.asked = 0
    for token in ("unknown", "a.b.c", expired):
        assert (await server.post("/revoke", {"token": token}, basic=RESEARCHER)).status_code == 200
    assert server.world.state.asked == 0


@pytest.mark.requirement("AS-30")
async def test_nobody_revokes_another_clients_token(server: Server) -> None:
    token = await _token(server)
    assert error(await server.post("/revoke", {"token": token}, basic=OPERATOR)) == (400, "unauthorized_client")
    assert error(await server.post("/revoke", {"token": token})) == (401, "invalid_client")
    assert error(await server.post("/revoke", {}, basic=RESEARCHER)) == (400, "invalid_request")
    assert (await server.post("/introspect", {"token": token}, basic=RESEARCHER)).json()["active"]


async def test_a_revocation_that_cannot_be_remembered_is_not_confirmed(server: Server) -> None:
    token = await _token(server)
    server.world.state.away = True
    answer = await server.post("/revoke", {"token": token}, basic=RESEARCHER)
    assert error(answer) == (503, "temporarily_unavailable")
