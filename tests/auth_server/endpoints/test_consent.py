import asyncio

import pytest

from auth_server.admin import disable_client
from tests.auth_server.chain import CONCIERGE, WITH_AGENTS, with_agents
from tests.auth_server.person import Person, asked, back, by_portal, redeem
from tests.auth_server.world import CLOCK, NOTES, Server, World


@pytest.fixture
async def person(server: Server) -> Person:
    """Somebody who is signed in and is asked by the editor."""
    person = Person(server=server)
    await person.get("/authorize", **asked())
    await person.sign_in()
    return person


@pytest.mark.requirement("AS-23")
async def test_the_page_names_client_server_scopes_and_where_it_leads(person: Person) -> None:
    for said in ("Desk, an editor", "127.0.0.1:49152", "notes", NOTES, "Read", "Write", "on your own computer"):
        assert said in person.page, said
    assert "This includes: Read" in person.page
    await person.get("/authorize", **by_portal(scope="mcp:write"))
    for said in ("The Portal", "from <strong>portal.example</strong>", "to</dt>\n<dd><strong>portal.example</strong>"):
        assert said in person.page, said
    assert "on your own computer" not in person.page
    await person.get("/authorize", **asked(client_id="kiosk", redirect_uri=None, scope="mcp:read"))
    assert "Nobody has checked" in person.page


async def test_the_page_says_that_it_stays_connected_where_that_is_no_choice(person: Person) -> None:
    assert "until it has not been used for 14 days" in person.page
    await person.get("/authorize", **asked(scope="mcp:read offline_access"))
    assert "Stay connected while you are away" in person.page
    assert "14 days" not in person.page
    await person.get("/authorize", **asked(client_id="kiosk", redirect_uri=None, scope="mcp:read"))
    assert "14 days" not in person.page


@pytest.mark.requirement("AS-26")
async def test_a_person_may_grant_fewer_scopes_and_the_answer_says_so(person: Person) -> None:
    assert person.boxes() == ["mcp:read", "mcp:write"]
    answer = await redeem(person.server, back(await person.decide("mcp:read"))["code"])
    assert answer.json()["scope"] == "mcp:read"
    token = await person.server.verified(answer.json()["access_token"])
    assert token.claims["scope"] == "mcp:read"


@pytest.mark.requirement("AS-29")
async def test_nothing_is_granted_that_was_not_asked(person: Person) -> None:
    told = back(await person.decide("mcp:read", "mcp:delete", "agent:ask"))
    assert (await redeem(person.server, told["code"])).json()["scope"] == "mcp:read"


@pytest.mark.requirement("AS-22", "AS-36")
@pytest.mark.parametrize("how", [{"decision": "deny"}, {"decision": ""}, {"decision": "allow", "scopes": ()}])
async def test_who_denies_or_ticks_nothing_sends_the_client_away(person: Person, how: dict[str, str]) -> None:
    scopes = () if "scopes" in how else ("mcp:read",)
    told = back(await person.decide(*scopes, decision=how["decision"]))
    assert (told["error"], told["state"]) == ("access_denied", "st ate&=+")
    assert "code" not in told


@pytest.mark.requirement("AS-22")
async def test_a_request_is_answered_once_however_often_the_button_is_pressed(person: Person) -> None:
    form = {**person.hidden(), "decision": "allow", "scope:mcp:read": "on"}
    answers = await asyncio.gather(*(person.once("POST", "/consent", form) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 7


@pytest.mark.requirement("AS-22")
async def test_a_client_that_is_not_proven_is_asked_for_again(person: Person) -> None:
    await person.decide("mcp:read", "mcp:write")
    await person.get("/authorize", **asked())
    assert person.boxes() == ["mcp:read", "mcp:write"]
    told = back(await person.get("/authorize", **asked(prompt="none")))
    assert told["error"] == "consent_required"


async def test_a_proven_client_is_remembered_and_asks_only_for_what_is_new(person: Person) -> None:
    await person.allow(**by_portal(scope="mcp:read"))
    answer = await person.get("/authorize", **by_portal(scope="mcp:read", prompt="none"))
    assert "code" in back(answer)
    await person.get("/authorize", **by_portal(scope="mcp:read mcp:write"))
    assert person.boxes() == ["mcp:write"]
    assert "You allowed it before: Read" in person.page
    code = back(await person.decide("mcp:write"))["code"]
    tokens = await redeem(person.server, code, client_id="portal")
    assert tokens.json()["scope"] == "mcp:read mcp:write"
    await person.get("/authorize", **by_portal(scope="mcp:read", prompt="consent"))
    assert person.boxes() == ["mcp:read"]


async def test_what_is_remembered_holds_for_one_resource_and_one_person(person: Person) -> None:
    await person.allow(**by_portal(scope="mcp:read"))
    await person.get("/authorize", **by_portal(resource=CLOCK, scope="mcp:read"))
    assert person.boxes() == ["mcp:read"]
    other = Person(server=person.server, name="alan", password="alan's password")
    await other.get("/authorize", **by_portal(scope="mcp:read"))
    await other.sign_in()
    assert other.boxes() == ["mcp:read"]


async def test_a_person_who_refuses_what_is_new_keeps_what_was_allowed(person: Person) -> None:
    await person.allow(**by_portal(scope="mcp:read"))
    await person.get("/authorize", **by_portal(scope="mcp:read mcp:write"))
    code = back(await person.decide())["code"]
    assert (await redeem(person.server, code, client_id="portal")).json()["scope"] == "mcp:read"


@pytest.mark.parametrize("changed", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}])
async def test_whoever_must_sign_in_anew_does(person: Person, changed: dict[str, str]) -> None:
    person.server.world.clock.now += 10
    await person.get("/authorize", **asked(**changed))
    assert 'name="password"' in person.page
    await person.sign_in()
    assert person.boxes()


async def test_a_sign_in_that_is_young_enough_will_do(person: Person) -> None:
    person.server.world.clock.now += 10
    await person.get("/authorize", **asked(max_age="10"))
    assert person.boxes()
    person.server.world.clock.now += 1
    await person.get("/authorize", **asked(max_age="10"))
    assert 'name="password"' in person.page


async def test_a_session_ends_after_eight_hours(person: Person) -> None:
    person.server.world.clock.now += 8 * 3600
    await person.get("/authorize", **asked())
    assert 'name="password"' in person.page


async def test_a_client_that_was_disabled_meanwhile_gets_nothing(person: Person) -> None:
    await disable_client(person.server.world.state, person.server.parts.directory.identity, "desk")
    await person.server.parts.refresh()
    assert (await person.decide("mcp:read")).status_code == 400


@pytest.mark.parametrize("interaction", ["", "x", "0" * 32, "a||b"])
async def test_a_request_that_is_none_is_a_page(person: Person, interaction: str) -> None:
    for path in ("/consent", "/sign-in"):
        answer = await person.get(path, interaction=interaction)
        assert answer.status_code == (200 if path == "/sign-in" and not interaction else 400)


async def test_who_allowed_less_than_a_scope_reaches_by_now_is_asked_again(server: Server, world: World) -> None:
    with_agents(world, _portal_reaches(WITH_AGENTS))
    await server.parts.refresh()
    request = by_portal(resource=CONCIERGE, scope="agent:ask")
    person = Person(server=server)
    await person.allow(**request)
    assert back(await person.get("/authorize", **request))["code"]
    wider = WITH_AGENTS.replace("agent:ask: { ", 'agent:ask: { "http://localhost:8001/mcp": [mcp:read], ', 1)
    world.write_identity(_portal_reaches(wider))
    await server.parts.refresh()
    assert (await person.get("/authorize", **request)).status_code == 200
    assert person.boxes() == ["agent:ask"]


def _portal_reaches(text: str) -> str:
    return text.replace("    resources:\n      http://localhost:8000/mcp: [mcp:write]\n", _PORTAL, 1)


_PORTAL = "    resources:\n      http://localhost:8000/mcp: [mcp:write]\n      http://localhost:8010: [agent:ask]\n"
