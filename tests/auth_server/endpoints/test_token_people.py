import asyncio

import pytest

from auth_server.admin import add_user, disable_user
from tests.auth_server.person import DESK_BACK, PORTAL_BACK, VERIFIER, Person, redeem, refresh
from tests.auth_server.world import CLOCK, ISSUER, NOTES, OPERATOR, PORTAL, Server, error

DAY = 86_400


@pytest.fixture
def person(server: Server) -> Person:
    return Person(server=server)


async def introspected(server: Server, token: str) -> bool:
    """As the notes server sees it."""
    client_id, _, secret = OPERATOR.partition(":")
    form = {"token": token, "client_id": client_id, "client_secret": secret}
    return (await server.post("/introspect", form)).json()["active"]


@pytest.mark.requirement("AS-17", "AS-26", "AS-27", "AS-31", "AS-34", "AS-50")
async def test_a_code_becomes_a_token_of_the_person_for_one_resource(person: Person) -> None:
    answer = await redeem(person.server, (await person.allow())["code"])
    told = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 300, "mcp:read mcp:write")
    token = await person.server.verified(told["access_token"])
    assert token.header["typ"] == "at+jwt"
    assert {name: token.claims[name] for name in ("iss", "aud", "sub", "client_id", "scope")} == {
        "iss": ISSUER,
        "aud": NOTES,
        "sub": "u-grace",
        "client_id": "desk",
        "scope": "mcp:read mcp:write",
    }


@pytest.mark.requirement("AS-16", "AS-17", "AS-18", "AS-32")
@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"code_verifier": "w" * 43}, (400, "invalid_grant")),
        ({"code_verifier": VERIFIER[:-1]}, (400, "invalid_grant")),
        ({"code_verifier": ""}, (400, "invalid_request")),
        ({"code": ""}, (400, "invalid_request")),
        ({"code": "0" * 32 + ".x"}, (400, "invalid_grant")),
        ({"code": "x"}, (400, "invalid_grant")),
        ({"redirect_uri": f"{DESK_BACK}/"}, (400, "invalid_grant")),
        ({"resource": CLOCK}, (400, "invalid_target")),
        ({"resource": "https://unknown.example"}, (400, "invalid_target")),
        ({"client_id": "kiosk"}, (400, "invalid_grant")),
        ({"client_id": "nobody"}, (401, "invalid_client")),
        ({"client_id": "researcher"}, (401, "invalid_client")),
        ({"client_secret": "x"}, (401, "invalid_client")),
    ],
)
async def test_a_code_without_its_proof_is_refused_and_stays_good_for_whoever_has_it(
    person: Person, changed: dict[str, str], refused: tuple[int, str]
) -> None:
    code = (await person.allow())["code"]
    form = {"client_id": "desk", "code": code, "code_verifier": VERIFIER, **changed}
    answer = await person.server.post("/token", {"grant_type": "authorization_code", **form})
    assert error(answer) == refused
    assert (await redeem(person.server, code, redirect_uri=DESK_BACK, resource=NOTES)).status_code == 200


@pytest.mark.requirement("AS-18")
async def test_a_code_of_another_client_is_no_good(person: Person) -> None:
    code = (await person.allow())["code"]
    assert error(await redeem(person.server, code, client_id="portal")) == (400, "invalid_grant")


@pytest.mark.requirement("AS-44")
async def test_a_client_uses_the_grants_it_is_registered_for(person: Person) -> None:
    code = (await person.allow(client_id="kiosk", redirect_uri=None, scope="mcp:read"))["code"]
    tokens = (await redeem(person.server, code, client_id="kiosk")).json()
    assert "refresh_token" not in tokens
    assert error(await refresh(person.server, "x.y", client_id="kiosk")) == (400, "unauthorized_client")
    machine = await person.server.post("/token", {"grant_type": "client_credentials", "client_id": "desk"})
    assert error(machine) == (400, "unauthorized_client")
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    assert error(await person.server.post("/token", form, basic="researcher:researcher-secret-of-many-characters")) == (
        400,
        "unauthorized_client",
    )


async def test_a_confidential_client_without_its_proof_is_told_how_to_prove_itself(person: Person) -> None:
    answer = await person.server.post("/token", {"grant_type": "authorization_code", "client_id": "portal"})
    assert error(answer) == (401, "invalid_client")
    assert "client_secret_basic" in answer.json()["error_description"]


@pytest.mark.requirement("AS-18")
async def test_a_code_lives_a_minute(person: Person) -> None:
    code = (await person.allow())["code"]
    person.server.world.clock.now += 60
    assert error(await redeem(person.server, code)) == (400, "invalid_grant")


@pytest.mark.requirement("AS-18")
async def test_a_code_that_comes_twice_ends_all_that_was_issued_for_it(person: Person, replica: Server) -> None:
    code = (await person.allow())["code"]
    tokens = (await redeem(person.server, code)).json()
    assert await introspected(replica, tokens["access_token"])
    assert error(await redeem(replica, code)) == (400, "invalid_grant")
    assert not await introspected(person.server, tokens["access_token"])
    assert error(await refresh(person.server, tokens["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.requirement("AS-18")
async def test_who_has_the_code_without_its_verifier_cannot_end_what_was_issued(person: Person) -> None:
    code = (await person.allow())["code"]
    tokens = (await redeem(person.server, code)).json()
    assert error(await redeem(person.server, code, code_verifier="w" * 43)) == (400, "invalid_grant")
    assert await introspected(person.server, tokens["access_token"])


@pytest.mark.requirement("AS-18")
@pytest.mark.parametrize("later", [61, 700])
async def test_a_replay_is_noticed_long_after_the_code_expired(person: Person, later: int) -> None:
    code = (await person.allow())["code"]
    tokens = (await redeem(person.server, code)).json()
    person.server.world.clock.now += later
    assert error(await redeem(person.server, code)) == (400, "invalid_grant")
    assert error(await refresh(person.server, tokens["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.requirement("AS-28", "AS-29")
async def test_a_refresh_token_rotates_and_the_new_one_goes_on(person: Person) -> None:
    first = (await person.tokens())["refresh_token"]
    for _ in range(3):
        person.server.world.clock.now += 300
        answer = (await refresh(person.server, first, resource=NOTES)).json()
        assert answer["refresh_token"] != first
        assert answer["scope"] == "mcp:read mcp:write"
        token = await person.server.verified(answer["access_token"])
        assert (token.claims["sub"], token.claims["aud"]) == ("u-grace", NOTES)
        first = answer["refresh_token"]


@pytest.mark.requirement("AS-28")
async def test_a_retired_refresh_token_ends_the_whole_grant(person: Person, replica: Server) -> None:
    tokens = await person.tokens()
    second = (await refresh(person.server, tokens["refresh_token"])).json()
    person.server.world.clock.now += 11
    assert error(await refresh(replica, tokens["refresh_token"])) == (400, "invalid_grant")
    assert error(await refresh(person.server, second["refresh_token"])) == (400, "invalid_grant")
    assert not await introspected(person.server, second["access_token"])


@pytest.mark.requirement("AS-28")
async def test_a_client_whose_answer_was_lost_gets_the_same_again_for_ten_seconds(
    person: Person, replica: Server
) -> None:
    first = (await person.tokens())["refresh_token"]
    lost = (await refresh(person.server, first)).json()["refresh_token"]
    person.server.world.clock.now += 10
    again = (await refresh(replica, first)).json()["refresh_token"]
    assert again == lost
    assert (await refresh(replica, again)).status_code == 200


@pytest.mark.requirement("AS-28")
async def test_the_grace_is_over_once_the_next_token_was_used(person: Person) -> None:
    first = (await person.tokens())["refresh_token"]
    second = (await refresh(person.server, first)).json()["refresh_token"]
    third = (await refresh(person.server, second)).json()["refresh_token"]
    assert error(await refresh(person.server, first)) == (400, "invalid_grant")
    assert error(await refresh(person.server, third)) == (400, "invalid_grant")


@pytest.mark.requirement("AS-28")
async def test_what_merely_looks_like_a_refresh_token_ends_nothing(person: Person) -> None:
    tokens = await person.tokens()
    name = tokens["refresh_token"].partition(".")[0]
    for invented in (f"{name}.", f"{name}.{'A' * 64}", f"{name}.é", name, f"{name}.{'A' * 63}", tokens["access_token"]):
        assert error(await refresh(person.server, invented)) == (400, "invalid_grant")
    assert (await refresh(person.server, tokens["refresh_token"])).status_code == 200


@pytest.mark.requirement("AS-29")
async def test_a_refresh_token_of_another_client_is_no_good_and_ends_nothing(person: Person) -> None:
    token = (await person.tokens())["refresh_token"]
    assert error(await refresh(person.server, token, client_id="portal")) == (400, "invalid_grant")
    assert (await refresh(person.server, token)).status_code == 200


@pytest.mark.requirement("AS-29")
@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"scope": "mcp:read mcp:write mcp:delete"}, "invalid_scope"),
        ({"scope": "offline_access"}, "invalid_scope"),
        ({"resource": CLOCK}, "invalid_target"),
    ],
)
async def test_a_refresh_never_widens_and_a_wrong_one_uses_nothing_up(
    person: Person, changed: dict[str, str], refused: str
) -> None:
    token = (await person.tokens())["refresh_token"]
    assert error(await refresh(person.server, token, **changed)) == (400, refused)
    assert (await refresh(person.server, token)).status_code == 200


@pytest.mark.requirement("AS-29")
async def test_a_refresh_may_narrow_and_the_next_may_have_all_again(person: Person) -> None:
    token = (await person.tokens("mcp:write"))["refresh_token"]
    narrowed = (await refresh(person.server, token, scope="mcp:read")).json()
    assert narrowed["scope"] == "mcp:read"
    assert (await refresh(person.server, narrowed["refresh_token"])).json()["scope"] == "mcp:write"


@pytest.mark.requirement("AS-29")
async def test_an_idle_refresh_token_expires_and_every_one_does_in_the_end(person: Person) -> None:
    idle = (await person.tokens())["refresh_token"]
    used = (await person.tokens())["refresh_token"]
    clock = person.server.world.clock
    for _ in range(6):
        clock.now += 14 * DAY
        used = (await refresh(person.server, used)).json()["refresh_token"]
    assert error(await refresh(person.server, idle)) == (400, "invalid_grant")
    clock.now += 6 * DAY
    assert error(await refresh(person.server, used)) == (400, "invalid_grant")


@pytest.mark.requirement("AS-29")
async def test_a_refresh_token_that_was_idle_too_long_is_no_good(person: Person) -> None:
    token = (await person.tokens())["refresh_token"]
    person.server.world.clock.now += 14 * DAY + 1
    assert error(await refresh(person.server, token)) == (400, "invalid_grant")


async def test_whoever_strikes_offline_access_gives_no_refresh_token(person: Person) -> None:
    assert "refresh_token" in await person.tokens(scope="mcp:read offline_access")
    struck = await person.tokens("mcp:read", scope="mcp:read offline_access")
    assert "refresh_token" not in struck
    assert struck["scope"] == "mcp:read"


async def test_who_is_put_out_is_refreshed_no_more(person: Person) -> None:
    state = person.server.world.state
    await add_user(state, "ada", "ada's password")
    ada = Person(server=person.server, name="ada", password="ada's password")
    token = (await ada.tokens())["refresh_token"]
    await disable_user(state, "ada")
    assert error(await refresh(person.server, token)) == (400, "invalid_grant")
    await disable_user(state, "ada", disabled=False)
    assert (await refresh(person.server, token)).status_code == 200


@pytest.mark.requirement("AS-30")
async def test_revoking_a_refresh_token_ends_the_access_tokens_too(person: Person) -> None:
    tokens = await person.tokens()
    answer = await person.server.post("/revoke", {"client_id": "desk", "token": tokens["refresh_token"]})
    assert answer.status_code == 200
    assert not await introspected(person.server, tokens["access_token"])
    assert error(await refresh(person.server, tokens["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.requirement("AS-30")
async def test_a_client_revokes_its_own_tokens_alone(person: Person) -> None:
    tokens = await person.tokens()
    for token in (tokens["refresh_token"], tokens["access_token"]):
        answer = await person.server.post("/revoke", {"token": token}, basic=PORTAL)
        assert error(answer) == (400, "unauthorized_client")
    name = tokens["refresh_token"].partition(".")[0]
    answer = await person.server.post("/revoke", {"client_id": "desk", "token": f"{name}.{'A' * 64}"})
    assert answer.status_code == 200
    assert (await refresh(person.server, tokens["refresh_token"])).status_code == 200


async def test_introspection_tells_a_client_of_its_own_refresh_token_alone(person: Person) -> None:
    token = (await person.tokens(client_id="portal", redirect_uri=PORTAL_BACK))["refresh_token"]
    told = (await person.server.post("/introspect", {"token": token}, basic=PORTAL)).json()
    assert (told["active"], told["sub"], told["aud"]) == (True, "u-grace", NOTES)
    assert "token_type" not in told
    assert not await introspected(person.server, token)
    await refresh(person.server, token, client_id="portal")
    assert (await person.server.post("/introspect", {"token": token}, basic=PORTAL)).json() == {"active": False}


async def test_introspection_is_not_for_public_clients(person: Person) -> None:
    tokens = await person.tokens()
    answer = await person.server.post("/introspect", {"client_id": "desk", "token": tokens["access_token"]})
    assert error(answer) == (401, "invalid_client")


async def test_an_access_token_ends_with_its_record(person: Person) -> None:
    token = (await person.tokens())["access_token"]
    name = str((await person.server.verified(token)).claims["jti"]).partition(".")[0]
    await person.server.world.state.delete(f"permission-{name}")
    assert not await introspected(person.server, token)


@pytest.mark.requirement("AS-18")
async def test_a_code_is_redeemed_by_one_of_fifty_racers_over_two_replicas(person: Person, replica: Server) -> None:
    code = (await person.allow())["code"]
    servers = [person.server, replica]
    answers = await asyncio.gather(*(redeem(servers[number % 2], code) for number in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 49


@pytest.mark.requirement("AS-28")
async def test_racing_refreshes_all_get_the_one_next_token(person: Person, replica: Server) -> None:
    token = (await person.tokens())["refresh_token"]
    servers = [person.server, replica]
    answers = await asyncio.gather(*(refresh(servers[number % 2], token) for number in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
