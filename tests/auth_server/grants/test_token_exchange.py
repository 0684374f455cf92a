import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest
from structlog.testing import capture_logs

from auth_server.admin import disable_client
from auth_server.errors import UnauthorizedClient
from auth_server.form import Form
from auth_server.grants.token_exchange import TokenExchange
from auth_server.models import Client, Identity
from tests.auth_server.chain import (
    ACCESS_TOKEN,
    AGENTS,
    ARCHIVE,
    CONCIERGE,
    EXCHANGE,
    SCRIBE,
    WITH_AGENTS,
    by_grace,
    by_operator,
    chain_of,
    claims_in,
    exchange,
    exchanged,
    with_agents,
)
from tests.auth_server.person import Person, asked
from tests.auth_server.world import CLOCK, ISSUER, NOTES, OPERATOR, REPORTS, RESEARCHER, START, Server, World, error


@pytest.fixture(autouse=True)
def agents(world: World) -> None:
    with_agents(world)


def _told(answer: Any, code: tuple[int, str], *words: str) -> None:
    assert error(answer) == code, answer.text
    for word in words:
        assert word in answer.json()["error_description"]


INVALID_REQUEST = (400, "invalid_request")


async def test_a_person_goes_through_two_agents_and_the_chain_names_both(server: Server) -> None:
    first = await by_grace(server)
    second = await exchanged(server, "concierge", first, SCRIBE, scope="agent:save")
    third = await exchanged(server, "quill", second, NOTES, scope="mcp:write")
    claims = await claims_in(server, third)
    assert chain_of(claims) == ["client:quill", "client:concierge"]
    assert (claims["sub"], claims["aud"], claims["client_id"]) == ("u-grace", NOTES, "quill")
    assert claims["scope"] == "mcp:write"


async def test_an_agent_is_asked_by_an_operator_and_stays_the_operators_servant(server: Server) -> None:
    onward = await exchanged(server, "concierge", await by_operator(server), SCRIBE)
    claims = await claims_in(server, onward)
    assert (claims["sub"], claims["act"], claims["scope"]) == (
        "client:operator",
        {"sub": "client:concierge"},
        "agent:ask",
    )


async def test_the_answer_is_that_of_an_exchange_and_has_no_refresh_token(server: Server) -> None:
    answer = await exchange(server, "concierge", await by_grace(server), SCRIBE)
    told = answer.json()
    assert sorted(told) == ["access_token", "expires_in", "issued_token_type", "scope", "token_type"]
    assert (told["issued_token_type"], told["token_type"], told["scope"]) == (ACCESS_TOKEN, "Bearer", "agent:ask")
    assert answer.headers["cache-control"] == "no-store"
    jwt_type = "urn:ietf:params:oauth:token-type:jwt"
    types = {"subject_token_type": jwt_type, "requested_token_type": jwt_type}
    other = await exchange(server, "concierge", await by_operator(server), SCRIBE, **types)
    assert other.json()["issued_token_type"] == jwt_type


async def test_a_token_ends_no_later_than_the_one_it_came_of(server: Server, world: World) -> None:
    first = await by_operator(server)
    world.clock.now += 400
    answer = await exchange(server, "concierge", first, SCRIBE)
    assert answer.json()["expires_in"] == 200
    assert (await claims_in(server, answer.json()["access_token"]))["exp"] == int(START) + 600
    short = await exchange(server, "concierge", first, CLOCK)
    assert short.json()["expires_in"] == 120


async def test_one_token_serves_every_hop_and_retry_of_a_request_on_any_replica(
    server: Server, replica: Server
) -> None:
    first = await by_grace(server)
    answers = await asyncio.gather(
        *(exchange(one, "concierge", first, SCRIBE) for one in (server, replica, server)),
        exchange(replica, "concierge", first, CLOCK),
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    ids = {(await claims_in(server, answer.json()["access_token"]))["jti"] for answer in answers}
    assert len(ids) == 4


async def test_a_client_without_delegation_acts_for_nobody(server: Server) -> None:
    mine = (await server.token(resource=NOTES)).json()["access_token"]
    _told(await exchange(server, RESEARCHER, mine, NOTES), (400, "unauthorized_client"), "delegation")
    nobody = {"grant_type": EXCHANGE, "subject_token": mine, "subject_token_type": ACCESS_TOKEN}
    assert error(await server.post("/token", nobody)) == (401, "invalid_client")
    assert error(await server.post("/token", {"client_id": "desk", **nobody})) == (400, "unauthorized_client")


async def test_a_client_that_proves_nothing_acts_for_nobody_even_with_delegation() -> None:
    """The file refuses such a client too; the grant does not lean on that."""
    client = Client(
        client_id="desk",
        auth_method="none",
        resources={},
        answers_at=SCRIBE,
        delegation={"agent:ask": {NOTES: ("mcp:read",)}},
    )
    never = AsyncMock(side_effect=AssertionError("asked about a subject"))
    with pytest.raises(UnauthorizedClient, match="act for others"):
        await TokenExchange(never, never, lambda: Identity(resources={}, clients={}), ISSUER)(Form({}), client)


async def test_only_whom_a_token_is_addressed_to_exchanges_it(server: Server) -> None:
    first = await by_grace(server)
    for agent in ("quill", "archivist"):
        _told(await exchange(server, agent, first, NOTES), INVALID_REQUEST, "addressed to another")
    second = await exchanged(server, "concierge", first, SCRIBE)
    _told(await exchange(server, "concierge", second, SCRIBE), INVALID_REQUEST, "addressed to another")
    own = (await server.token(basic=AGENTS["concierge"], resource=SCRIBE)).json()["access_token"]
    _told(await exchange(server, "concierge", own, SCRIBE), INVALID_REQUEST, "addressed to another")


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"subject_token": ""}, "subject_token"),
        ({"subject_token_type": ""}, "subject_token_type"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "subject_token_type"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "requested_token_type"),
        ({"actor_token": "x", "actor_token_type": ACCESS_TOKEN}, "actor"),
        ({"actor_token_type": ACCESS_TOKEN}, "actor"),
        ({"subject_token": "nonsense"}, "no access token"),
    ],
)
async def test_a_malformed_exchange_is_an_invalid_request(server: Server, changed: dict[str, str], word: str) -> None:
    first = await by_operator(server)
    _told(await exchange(server, "concierge", first, SCRIBE, **changed), INVALID_REQUEST, word)


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ("", (400, "invalid_target")),
        (NOTES, (400, "invalid_target")),
        (CONCIERGE, (400, "invalid_target")),
        ("https://unknown.example", (400, "invalid_target")),
    ],
)
async def test_an_agent_goes_on_to_declared_resources_alone(
    server: Server, resource: str, code: tuple[int, str]
) -> None:
    assert error(await exchange(server, "concierge", await by_grace(server), resource)) == code


async def test_scopes_never_widen_on_the_way(server: Server) -> None:
    asking = await by_operator(server, "agent:ask")
    _told(await exchange(server, "concierge", asking, SCRIBE, scope="agent:save"), (400, "invalid_scope"), "agent:ask")
    assert error(await exchange(server, "concierge", asking, CLOCK)) == (400, "invalid_target")
    second = await exchanged(server, "concierge", asking, SCRIBE)
    for wider in ("mcp:write", "mcp:read mcp:delete", "nonsense"):
        assert error(await exchange(server, "quill", second, NOTES, scope=wider)) == (400, "invalid_scope")
    idle = await by_operator(server, "agent:idle")
    assert error(await exchange(server, "concierge", idle, SCRIBE)) == (400, "invalid_target")


async def test_an_agents_own_rights_are_no_part_of_what_it_does_for_others(server: Server) -> None:
    own = await server.token(basic=AGENTS["quill"], resource=NOTES, scope="mcp:delete")
    assert own.status_code == 200
    second = await exchanged(server, "concierge", await by_grace(server), SCRIBE, scope="agent:save")
    assert error(await exchange(server, "quill", second, NOTES, scope="mcp:delete")) == (400, "invalid_scope")
    assert (await exchange(server, "quill", second, NOTES, scope="mcp:write")).status_code == 200


async def test_what_a_person_struck_out_no_agent_does_for_them(server: Server) -> None:
    first = await by_grace(server, "agent:ask")
    refused = await exchange(server, "concierge", first, SCRIBE, scope="agent:save")
    assert error(refused) == (400, "invalid_scope")


async def test_a_wider_identity_does_not_widen_what_a_person_allowed(server: Server, world: World) -> None:
    first = await by_grace(server)
    first_line = '      agent:ask: { "http://localhost:8012": [agent:ask]'
    more = ', "http://localhost:8000/mcp": [mcp:delete], "https://reports.example/mcp": [mcp:read]'
    wider = WITH_AGENTS.replace(first_line, first_line + more, 1)
    world.write_identity(wider)
    await server.parts.refresh()
    elsewhere = await exchange(server, "concierge", first, REPORTS, scope="mcp:read")
    _told(elsewhere, (400, "invalid_scope"), "was not asked")
    assert error(await exchange(server, "concierge", first, NOTES, scope="mcp:delete")) == (400, "invalid_scope")
    assert (await exchange(server, "concierge", first, SCRIBE)).status_code == 200
    operators = await by_operator(server)
    assert (await exchange(server, "concierge", operators, NOTES, scope="mcp:delete")).status_code == 200
    again = await by_grace(server)
    assert (await exchange(server, "concierge", again, NOTES, scope="mcp:delete")).status_code == 200


async def test_a_narrower_identity_counts_at_once(server: Server, world: World) -> None:
    first = await by_grace(server)
    world.write_identity(WITH_AGENTS.replace('      agent:ask: { "http://localhost:8012": [agent:ask] }\n', "", 1))
    await server.parts.refresh()
    assert error(await exchange(server, "concierge", first, SCRIBE, scope="agent:ask")) == (400, "invalid_scope")


async def test_the_page_tells_how_far_a_scope_goes(server: Server) -> None:
    person = Person(server=server)
    await person.get("/authorize", **asked(resource=CONCIERGE, scope="agent:ask agent:save"))
    await person.sign_in()
    assert "notes: Read, Write" in person.page
    assert "archive: Ask it" in person.page
    assert "clock: Ask" in person.page


async def test_a_chain_has_as_many_actors_as_identity_says_and_no_more(server: Server, world: World) -> None:
    token = await by_operator(server, "agent:ask")
    for agent, onward in (("concierge", SCRIBE), ("quill", ARCHIVE), ("archivist", SCRIBE), ("quill", ARCHIVE)):
        token = await exchanged(server, agent, token, onward)
    assert len(chain_of(await claims_in(server, token))) == 4
    _told(await exchange(server, "archivist", token, SCRIBE), INVALID_REQUEST, "4 actors")
    world.write_identity(WITH_AGENTS + "delegation_depth: 1\n")
    await server.parts.refresh()
    second = await exchanged(server, "concierge", await by_operator(server, "agent:ask"), SCRIBE)
    _told(await exchange(server, "quill", second, ARCHIVE), INVALID_REQUEST, "1 actors")


async def test_an_expired_token_is_exchanged_no_more(server: Server, world: World) -> None:
    first = await by_operator(server)
    world.clock.now += 600
    _told(await exchange(server, "concierge", first, SCRIBE), INVALID_REQUEST, "still counts")


async def test_what_is_revoked_takes_everything_that_came_of_it_along(server: Server, replica: Server) -> None:
    first = await by_operator(server)
    second = await exchanged(server, "concierge", first, SCRIBE)
    third = await exchanged(server, "quill", second, NOTES)
    assert (await _introspected(server, third))["active"] is True
    assert (await server.post("/revoke", {"token": first}, basic=OPERATOR)).status_code == 200
    for agent, token, onward in (("concierge", first, SCRIBE), ("quill", second, NOTES)):
        _told(await exchange(replica, agent, token, onward), INVALID_REQUEST, "still counts")
    assert await _introspected(replica, third) == {"active": False}


async def test_a_revoked_hop_ends_what_came_of_it_and_nothing_before(server: Server) -> None:
    first = await by_operator(server)
    second = await exchanged(server, "concierge", first, SCRIBE)
    third = await exchanged(server, "quill", second, NOTES)
    await server.post("/revoke", {"token": second}, basic=AGENTS["concierge"])
    assert await _introspected(server, third) == {"active": False}
    assert (await exchange(server, "concierge", first, SCRIBE)).status_code == 200


async def test_a_person_who_takes_their_permission_back_ends_the_whole_chain(server: Server) -> None:
    first = await by_grace(server)
    second = await exchanged(server, "concierge", first, SCRIBE)
    third = await exchanged(server, "quill", second, NOTES)
    for line in await server.parts.permissions.listed("u-grace"):
        await server.parts.permissions.revoke("u-grace", line.id)
    for agent, token, onward in (("concierge", first, SCRIBE), ("quill", second, NOTES)):
        _told(await exchange(server, agent, token, onward), INVALID_REQUEST, "still counts")
    assert await _introspected(server, third) == {"active": False}


async def test_a_person_who_is_shut_out_is_acted_for_no_more(server: Server, world: World) -> None:
    first = await by_grace(server)
    world.write_identity(WITH_AGENTS.replace("  - { name: grace, subject: u-grace, secret: user-grace }\n", "", 1))
    await server.parts.refresh()
    _told(await exchange(server, "concierge", first, SCRIBE), INVALID_REQUEST, "no longer let in")


@pytest.mark.parametrize("gone", ["operator", "concierge"])
async def test_whoever_in_the_chain_is_disabled_ends_it(server: Server, world: World, gone: str) -> None:
    second = await exchanged(server, "concierge", await by_operator(server), SCRIBE)
    await disable_client(world.state, server.parts.directory.identity, gone)
    await server.parts.refresh()
    _told(await exchange(server, "quill", second, NOTES), INVALID_REQUEST, "no longer let in")


@pytest.mark.parametrize(
    ("may_act", "fits"),
    [
        ({"sub": "client:concierge"}, True),
        ({"sub": "client:concierge", "iss": ISSUER}, True),
        ({"sub": "client:concierge", "iss": "https://other.example"}, False),
        ({"sub": "client:quill"}, False),
        ({"sub": "concierge"}, False),
        ({}, False),
        ("client:concierge", False),
        (None, False),
    ],
)
async def test_a_token_that_says_who_may_act_is_obeyed(server: Server, may_act: object, *, fits: bool) -> None:
    claims = await claims_in(server, await by_operator(server))
    token = server.parts.keys.sign("ES256", {**claims, "may_act": may_act})
    answer = await exchange(server, "concierge", token, SCRIBE)
    if fits:
        assert answer.status_code == 200
    else:
        _told(answer, INVALID_REQUEST, "may_act")


async def test_foreign_and_other_tokens_are_no_subject(server: Server, world: World) -> None:
    claims = await claims_in(server, await by_operator(server))
    async with world.server("http://localhost:9999") as stranger:
        await stranger.parts.keys.refresh()
        id_token = stranger.parts.keys.sign_id_token(claims)
    header, payload, signature = (await by_operator(server)).split(".")
    broken = f"{header}.{payload}.{signature[:-4]}AAAA"
    for token in (id_token, broken, f"{header}.{payload}."):
        _told(await exchange(server, "concierge", token, SCRIBE), INVALID_REQUEST, "no access token")


async def test_a_refresh_token_is_no_subject(server: Server) -> None:
    told = await Person(server=server).tokens("agent:ask", resource=CONCIERGE, scope="agent:ask")
    _told(await exchange(server, "concierge", told["refresh_token"], SCRIBE), INVALID_REQUEST, "no access token")


async def test_a_token_that_would_fit_no_header_is_refused(server: Server) -> None:
    claims = await claims_in(server, await by_operator(server))
    large = server.parts.keys.sign("ES256", {**claims, "act": {"sub": "client:operator", "note": "x" * 2000}})
    _told(await exchange(server, "concierge", large, SCRIBE), INVALID_REQUEST, "too large")


async def test_introspection_shows_who_acts(server: Server) -> None:
    third = await exchanged(
        server, "quill", await exchanged(server, "concierge", await by_grace(server), SCRIBE), NOTES
    )
    told = await _introspected(server, third)
    assert (told["active"], told["sub"]) == (True, "u-grace")
    assert chain_of(told) == ["client:quill", "client:concierge"]


async def test_every_hop_is_one_line_with_the_chain_and_without_a_token(server: Server) -> None:
    first = await by_grace(server)
    with capture_logs() as logs:
        second = await exchanged(server, "concierge", first, SCRIBE, scope="agent:save")
        await exchanged(server, "quill", second, NOTES, scope="mcp:write")
        await exchange(server, "quill", second, NOTES, scope="mcp:delete")
    assert [line["event"] for line in logs] == ["token"] * 3
    assert [line["outcome"] for line in logs] == ["exchanged", "exchanged", "invalid_scope"]
    assert [line["actors"] for line in logs] == [
        "client:concierge",
        "client:quill client:concierge",
        "client:concierge",
    ]
    assert {line["subject"] for line in logs} == {"u-grace"}
    assert [line["asked"] for line in logs] == ["agent:save", "mcp:write", "mcp:delete"]
    assert [line["scope"] for line in logs[:2]] == ["agent:save", "mcp:write"]
    assert all(first not in str(line) and second not in str(line) for line in logs)


async def test_the_metadata_advertises_the_grant_once_somebody_may_use_it(server: Server, world: World) -> None:
    where = "/.well-known/oauth-authorization-server"
    assert EXCHANGE in (await server.http.get(where)).json()["grant_types_supported"]
    world.write_identity()
    await server.parts.refresh()
    assert EXCHANGE not in (await server.http.get(where)).json()["grant_types_supported"]


async def _introspected(server: Server, token: str) -> dict[str, Any]:
    return (await server.post("/introspect", {"token": token}, basic=OPERATOR)).json()
