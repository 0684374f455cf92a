"""The CIBA grant, over HTTP: what a client gets for what a person decided, and when."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.auth_server.asking import WITH_ASKING, asked, at_requests, decide, poll, token, with_asking
from tests.auth_server.chain import claims_in
from tests.auth_server.world import CLOCK, NOTES, OPERATOR, RESEARCHER, Server, World, error


@pytest.fixture
async def server(world: World) -> AsyncGenerator[Server]:
    with_asking(world)
    await world.seed()
    async with world.server() as server:
        yield server


async def approved(server: Server, lasts: str = "once", **changed: str) -> str:
    auth_req_id = await asked(server, **changed)
    await decide(await at_requests(server), lasts)
    return auth_req_id


async def active(server: Server, access_token: str) -> bool:
    return (await server.post("/introspect", {"token": access_token, **_OPERATOR})).json()["active"]


_OPERATOR = dict(zip(("client_id", "client_secret"), OPERATOR.split(":"), strict=True))


async def test_the_token_is_the_persons_for_one_resource_by_this_client(server: Server) -> None:
    told = await token(server, await approved(server, scope="openid mcp:delete"))
    claims = await claims_in(server, told["access_token"])

    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("u-grace", "quill", NOTES)
    assert (claims["scope"], told["scope"]) == ("openid mcp:delete", "openid mcp:delete")
    assert "act" not in claims
    assert claims["exp"] - claims["iat"] == 300 == told["expires_in"]
    assert "refresh_token" not in told
    about = await claims_in(server, told["id_token"])
    assert (about["sub"], about["aud"]) == ("u-grace", "quill")
    assert await active(server, told["access_token"])


async def test_no_id_token_for_whom_did_not_ask_for_openid(server: Server) -> None:
    assert "id_token" not in await token(server, await approved(server))


async def test_a_client_that_comes_too_soon_waits_five_seconds_longer_each_time(
    server: Server, replica: Server, world: World
) -> None:
    auth_req_id = await asked(server)
    told: list[str] = []
    for pause, where in ((0, server), (5, replica), (1, server), (5, replica), (15, server), (14, replica)):
        world.clock.now += pause
        told.append((await poll(where, auth_req_id)).json()["error"])
    pending, slower = "authorization_pending", "slow_down"
    assert told == [pending, pending, slower, slower, pending, slower]
    await decide(await at_requests(server), "once")
    assert (await poll(replica, auth_req_id)).status_code == 200


async def test_waiting_leaves_nothing_in_the_log(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    auth_req_id = await asked(server)
    capsys.readouterr()
    assert error(await poll(server, auth_req_id)) == (400, "authorization_pending")
    assert error(await poll(server, auth_req_id)) == (400, "slow_down")
    assert capsys.readouterr() == ("", "")


async def test_a_refusal_reaches_the_client(server: Server) -> None:
    assert error(await poll(server, await approved(server, "refuse"))) == (400, "access_denied")


async def test_what_nobody_decides_in_time_expires_and_what_nobody_fetches_too(server: Server, world: World) -> None:
    undecided, unfetched = await asked(server), await asked(server)
    person = await at_requests(server)
    await decide(person, "once", number=1)
    world.clock.now += 300
    assert error(await poll(server, undecided)) == (400, "expired_token")
    assert error(await poll(server, unfetched)) == (400, "expired_token")
    world.clock.now += 601
    assert error(await poll(server, undecided)) == (400, "invalid_grant")


async def test_one_request_is_one_token_however_many_fetch_it_over_two_replicas(
    server: Server, replica: Server
) -> None:
    auth_req_id = await approved(server, "hour")
    answers = await asyncio.gather(*(poll((server, replica)[number % 2], auth_req_id) for number in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 11
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}


async def test_an_auth_req_id_is_good_for_its_own_client_and_as_it_is(server: Server) -> None:
    auth_req_id = await approved(server)
    name, _, secret = auth_req_id.partition(".")
    assert error(await poll(server, auth_req_id, "raven")) == (400, "invalid_grant")
    for wrong in (f"{name}.{secret[:-1]}", f"{name}.", name, f"{'0' * 32}.{secret}", "x"):
        assert error(await poll(server, wrong)) == (400, "invalid_grant")
    assert error(await poll(server, "")) == (400, "invalid_request")
    assert error(await poll(server, auth_req_id, RESEARCHER)) == (400, "unauthorized_client")
    assert error(await poll(server, auth_req_id, resource=CLOCK)) == (400, "invalid_target")
    assert (await poll(server, auth_req_id, resource=NOTES)).status_code == 200


async def test_an_auth_req_id_is_no_code_and_no_refresh_token(server: Server) -> None:
    auth_req_id = await approved(server)
    told = await token(server, auth_req_id)
    permission = (await claims_in(server, told["access_token"]))["jti"].partition(".")[0]
    for stolen in (auth_req_id, f"{permission}.{auth_req_id.partition('.')[2]}"):
        code = {"grant_type": "authorization_code", "code": stolen, "code_verifier": "v" * 43, "client_id": "desk"}
        assert error(await server.post("/token", code)) == (400, "invalid_grant")
        fresh = {"grant_type": "refresh_token", "refresh_token": stolen, "client_id": "desk"}
        assert error(await server.post("/token", fresh)) == (400, "invalid_grant")


@pytest.mark.parametrize("lasts", ["once", "hour"])
async def test_what_was_allowed_is_taken_back_on_the_persons_own_page(server: Server, lasts: str) -> None:
    fetched = await approved(server, lasts)
    told = await token(server, fetched)
    unfetched = await asked(server)
    person = await at_requests(server)
    if lasts == "once":
        await decide(person, lasts)
    await person.get("/account")
    assert "Quill, an agent" in person.page
    assert ("for an hour" if lasts == "hour" else "once") in person.page

    await person.post("/account", {**person.hidden(), "client": "quill", "resource": NOTES})
    assert "Quill, an agent" not in person.page
    assert not await active(server, told["access_token"])
    assert error(await poll(server, unfetched)) == (400, "access_denied")
    assert error(await poll(server, await asked(server))) == (400, "authorization_pending")


async def test_a_person_who_is_no_longer_let_in_gives_nothing(server: Server, world: World) -> None:
    auth_req_id = await approved(server)
    world.write_identity(WITH_ASKING.replace("subject: u-grace", "subject: u-somebody"))
    await server.parts.refresh()
    assert error(await poll(server, auth_req_id)) == (400, "access_denied")


async def test_a_client_that_may_no_longer_ask_for_it_gets_nothing(server: Server, world: World) -> None:
    auth_req_id = await approved(server)
    notes = "      http://localhost:8000/mcp: [mcp:write, mcp:delete]\n      http://localhost:8001"
    for less, told in (("8000/mcp: [mcp:write]\n      http://localhost:8001", "scope"), ("8001", "target")):
        world.write_identity(WITH_ASKING.replace(notes, f"      http://localhost:{less}"))
        await server.parts.refresh()
        assert error(await poll(server, auth_req_id)) == (400, f"invalid_{told}")


async def test_nothing_secret_of_it_is_logged_or_kept(
    server: Server, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    auth_req_id = await approved(server, scope="openid mcp:delete")
    told = await token(server, auth_req_id)
    secret = auth_req_id.partition(".")[2]
    logged = "".join(capsys.readouterr())
    assert '"outcome": "requested"' in logged or "requested" in logged
    kept = b"".join(path.read_bytes() for path in world.folder.glob("state.db*"))
    for hidden in (secret, told["access_token"], told["id_token"]):
        assert hidden not in logged
        assert hidden.encode() not in kept
