"""POST /bc-authorize, over HTTP: who may ask whom for what, and how often."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from tests.auth_server.asking import AGENTS, WITH_ASKING, ask, asked, at_requests, decide, poll, token, with_asking
from tests.auth_server.person import Person, by_portal
from tests.auth_server.world import CLOCK, ISSUER, NOTES, PORTAL, RESEARCHER, Server, World, error


@pytest.fixture
async def server(world: World) -> AsyncGenerator[Server]:
    with_asking(world)
    await world.seed()
    async with world.server() as server:
        yield server


async def test_a_declared_client_gets_what_it_needs_to_poll(server: Server) -> None:
    answer = await ask(server)
    told = answer.json()

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(told) == {"auth_req_id", "expires_in", "interval", "verification_uri"}
    assert (told["expires_in"], told["interval"]) == (300, 5)
    assert told["verification_uri"] == f"{ISSUER}/requests"
    assert len(told["auth_req_id"].partition(".")[2]) == 43  # 256 bits


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"login_hint": ""}, (400, "invalid_request")),
        ({"id_token_hint": "x"}, (400, "invalid_request")),
        ({"login_hint": "", "login_hint_token": "x"}, (400, "invalid_request")),
        ({"client_notification_token": "x" * 43}, (400, "invalid_request")),
        ({"request": "eyJ.e30."}, (400, "invalid_request")),
        ({"scope": ""}, (400, "invalid_request")),
        ({"scope": "openid"}, (400, "invalid_scope")),
        ({"scope": "mcp:delete profile"}, (400, "invalid_scope")),
        ({"scope": "mcp:delete offline_access"}, (400, "invalid_scope")),
        ({"scope": "mcp:delete  mcp:write"}, (400, "invalid_scope")),
        ({"scope": "mcp:read mcp:admin"}, (400, "invalid_scope")),
        ({"scope": "mcp:write", "resource": CLOCK}, (400, "invalid_scope")),
        ({"resource": ""}, (400, "invalid_target")),
        ({"resource": "https://reports.example/mcp", "scope": "mcp:read"}, (400, "invalid_target")),
        ({"resource": "https://nowhere.example/mcp"}, (400, "invalid_target")),
        ({"audience": CLOCK}, (400, "invalid_target")),
        ({"binding_message": "x" * 201}, (400, "invalid_binding_message")),
        ({"binding_message": "two\nlines"}, (400, "invalid_binding_message")),
        ({"binding_message": "turned \u202e round"}, (400, "invalid_binding_message")),
        ({"requested_expiry": "0"}, (400, "invalid_request")),
        ({"requested_expiry": "-5"}, (400, "invalid_request")),
        ({"requested_expiry": "soon"}, (400, "invalid_request")),
        ({"requested_expiry": "\u0665"}, (400, "invalid_request")),
        ({"login_hint": "nobody"}, (400, "unknown_user_id")),
        ({"login_hint": "u-" + "x" * 300}, (400, "unknown_user_id")),
        ({"login_hint": "up.||x"}, (400, "unknown_user_id")),
        ({"login_hint": "", "id_token_hint": "x"}, (400, "unknown_user_id")),
    ],
)
async def test_an_unsound_request_is_refused_by_its_name(
    server: Server, changed: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert error(await ask(server, **changed)) == refusal


async def test_who_is_not_declared_asks_nobody_and_learns_nothing_of_people(server: Server) -> None:
    refusals = [error(await ask(server, RESEARCHER, login_hint=hint)) for hint in ("u-grace", "nobody")]
    assert refusals == [(400, "unauthorized_client")] * 2
    assert error(await ask(server, "quill:wrong")) == (401, "invalid_client")
    assert error(await server.post("/bc-authorize", {"client_id": "kiosk"})) == (400, "unauthorized_client")


async def test_a_public_client_asks_nobody_even_if_the_file_said_it_might(server: Server) -> None:
    directory = server.parts.directory
    known = directory.identity
    kiosk = replace(known.clients["kiosk"], backchannel={NOTES: ("mcp:read",)})
    directory._live.current = replace(known, clients={**known.clients, "kiosk": kiosk})  # pyright: ignore[reportPrivateUsage]
    form = {"client_id": "kiosk", "scope": "mcp:read", "resource": NOTES, "login_hint": "grace"}
    assert error(await server.post("/bc-authorize", form)) == (400, "unauthorized_client")


async def test_somebody_is_found_by_the_name_they_sign_in_with_or_by_what_tokens_call_them(server: Server) -> None:
    assert (await ask(server, login_hint="grace")).status_code == 200
    assert (await ask(server, login_hint="u-grace")).status_code == 200
    person = await at_requests(server)
    assert person.page.count("<section") == 2


async def test_somebody_is_found_by_an_id_token_of_this_client_however_old(world: World, server: Server) -> None:
    may_ask = '    backchannel: { "http://localhost:8000/mcp": [mcp:delete] }\n'
    world.write_identity(WITH_ASKING.replace("    client_uri: https://portal.example/about\n", may_ask))
    await server.parts.refresh()
    told = await Person(server=server).tokens(**by_portal(scope="openid mcp:read"))
    world.clock.now += 3600
    by_token = {"login_hint": "", "id_token_hint": told["id_token"]}
    assert (await ask(server, PORTAL, **by_token)).status_code == 200
    assert error(await ask(server, "quill", **by_token)) == (400, "unknown_user_id")
    head, _, rest = told["id_token"].partition(".")
    forged = f"{head}.{rest[:-6]}AAAAAA"
    assert error(await ask(server, PORTAL, login_hint="", id_token_hint=forged)) == (400, "unknown_user_id")
    access = {"login_hint": "", "id_token_hint": told["access_token"]}
    assert error(await ask(server, PORTAL, **access)) == (400, "unknown_user_id")


async def test_a_request_waits_as_long_as_asked_for_within_bounds(server: Server) -> None:
    waits = [(await ask(server, "quill", requested_expiry=said)).json()["expires_in"] for said in ("30", "9" * 300)]
    assert waits == [30, 600]


async def test_nobody_is_flooded_by_one_client_and_a_refusal_frees_no_place(server: Server, world: World) -> None:
    answers = await asyncio.gather(*(ask(server) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 5
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"] == "temporarily_unavailable"
    assert refused.headers["retry-after"] == "60"
    assert (await ask(server, "raven")).status_code == 200
    assert (await ask(server, login_hint="alan")).status_code == 200

    person = await at_requests(server)
    await decide(person, "refuse")
    assert error(await ask(server)) == (429, "temporarily_unavailable")
    await decide(person, "once")
    assert (await ask(server)).status_code == 200

    world.clock.now += 301
    assert (await ask(server)).status_code == 200


async def test_the_places_of_a_person_are_counted_over_all_clients_and_replicas(world: World, server: Server) -> None:
    named = [f"crow{number}" for number in range(5)]
    more = "".join(
        f"  - client_id: {name}\n    token_endpoint_auth_method: client_secret_basic\n    secret: client-quill\n"
        '    resources: {}\n    backchannel: { "http://localhost:8000/mcp": [mcp:delete] }\n'
        for name in named
    )
    with_asking(world, WITH_ASKING.replace("\nusers:\n", f"\n{more}users:\n", 1))
    await server.parts.refresh()
    secret = AGENTS["quill"].partition(":")[2]
    async with world.server() as replica:
        both = (server, replica)
        answers = await asyncio.gather(
            *(ask(both[number % 2], f"{name}:{secret}") for number in range(3) for name in named)
        )
    assert sum(answer.status_code == 200 for answer in answers) == 10


async def test_a_client_that_asks_too_often_is_told_to_wait_whatever_it_asks(server: Server, world: World) -> None:
    answers = [await ask(server, scope="openid") for _ in range(61)]
    assert [answer.status_code for answer in answers[-2:]] == [400, 429]
    assert (await ask(server, "raven")).status_code == 200
    world.clock.now += 61
    assert (await ask(server)).status_code == 200


async def test_whoever_tries_out_names_is_told_nothing_more_after_a_while(server: Server, world: World) -> None:
    for number in range(50):
        assert error(await ask(server, login_hint=f"name-{number}")) == (400, "unknown_user_id")
    for hint in ("name-51", "u-grace"):
        assert error(await ask(server, login_hint=hint)) == (429, "temporarily_unavailable")
    world.clock.now += 301
    assert (await ask(server)).status_code == 200


async def test_what_was_allowed_for_an_hour_is_not_asked_again_and_no_more_than_that(
    server: Server, world: World, replica: Server
) -> None:
    first = await asked(server)
    person = await at_requests(server)
    await decide(person, "hour")
    await token(server, first)

    world.clock.now += 600
    again = await asked(replica)
    await person.get("/requests")
    assert "Nothing waits for you." in person.page
    assert (await token(server, again))["scope"] == "mcp:delete"
    assert error(await poll(server, again)) == (400, "invalid_grant")

    wider = await asked(server, scope="mcp:delete mcp:write")
    others = await asked(server, "raven")
    somebodys = await asked(server, login_hint="alan")
    assert error(await poll(server, wider)) == (400, "authorization_pending")
    assert error(await poll(server, others, "raven")) == (400, "authorization_pending")
    assert error(await poll(server, somebodys)) == (400, "authorization_pending")

    world.clock.now += 3000
    assert error(await poll(server, await asked(server))) == (400, "authorization_pending")


async def test_a_token_by_an_hour_ends_with_it(server: Server, world: World) -> None:
    await asked(server)
    await decide(await at_requests(server), "hour")
    world.clock.now += 3500
    told = await token(server, await asked(server))
    assert told["expires_in"] == 100


async def test_metadata_tells_of_it_where_some_client_may_ask(world: World, server: Server) -> None:
    where = "/.well-known/oauth-authorization-server"
    told = (await server.http.get(where)).json()
    assert told["backchannel_authentication_endpoint"] == f"{ISSUER}/bc-authorize"
    assert told["backchannel_token_delivery_modes_supported"] == ["poll"]
    assert told["backchannel_user_code_parameter_supported"] is False
    assert "urn:openid:params:grant-type:ciba" in told["grant_types_supported"]

    world.write_identity()
    await server.parts.refresh()
    silent = (await server.http.get(where)).json()
    assert [name for name in silent if name.startswith("backchannel")] == []
    assert "urn:openid:params:grant-type:ciba" not in silent["grant_types_supported"]
