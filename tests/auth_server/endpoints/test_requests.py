"""GET and POST /requests, over HTTP: what a person sees that agents ask them for, and how they decide."""

import asyncio
import html
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.auth_server.asking import REASON, WITH_ASKING, asked, at_requests, decide, poll, token, waiting, with_asking
from tests.auth_server.person import Person
from tests.auth_server.world import Server, World, error


@pytest.fixture
async def server(world: World) -> AsyncGenerator[Server]:
    with_asking(world)
    await world.seed()
    async with world.server() as server:
        yield server


async def test_a_person_reads_who_asks_for_what_where_why_and_until_when(server: Server) -> None:
    await asked(server, scope="mcp:write mcp:delete openid")
    person = await at_requests(server)
    page = html.unescape(person.page)
    for said in (
        "<em>Quill, an agent</em> asks for access to notes",
        "<code>quill</code>",
        "<code>http://localhost:8000/mcp</code>",
        f"<q>{REASON}</q>",
        "in its own words, which nobody has checked",
        "22:13 UTC, waits until 22:18 UTC",
        "Write <code>mcp:write</code><small> This includes: Read</small>",
        "Delete <code>mcp:delete</code>",
        "It is also told that it was you",
    ):
        assert said in page, said
    assert person.boxes() == ["mcp:write", "mcp:delete"]
    assert "<script" not in page


async def test_words_of_a_client_are_text_and_never_markup(server: Server) -> None:
    await asked(server, binding_message="</q><script>alert(1)</script>")
    person = await at_requests(server)
    assert "<script" not in person.page
    assert "&lt;script&gt;" in person.page


async def test_how_far_it_reaches_through_other_agents_is_told_and_kept(server: Server, world: World) -> None:
    onward = """
    answers_at: http://localhost:8001/mcp
    delegation: { "mcp:read": { "http://localhost:8000/mcp": [mcp:read] } }
    resources: { "http://localhost:8000/mcp": [mcp:read] }
"""
    before = '\n    resources: { "http://localhost:8000/mcp": [mcp:read] }\n'
    world.write_identity(WITH_ASKING.replace(before, onward, 1))
    await server.parts.refresh()
    await asked(server, scope="mcp:read", resource="http://localhost:8001/mcp")
    person = await at_requests(server)
    assert "may then also use notes: Read" in person.page
    await decide(person, "hour")
    found = (await server.parts.permissions.listed("u-grace"))[0]
    assert found.reach == {"http://localhost:8000/mcp": ("mcp:read",)}

    # What reaches further by now is asked again.
    wider = world.identity.read_text(encoding="utf-8").replace(
        '"mcp:read": { "http://localhost:8000/mcp": [mcp:read] }',
        '"mcp:read": { "http://localhost:8000/mcp": [mcp:write] }',
    )
    world.identity.write_text(wider, encoding="utf-8")
    await server.parts.refresh()
    again = await asked(server, scope="mcp:read", resource="http://localhost:8001/mcp")
    assert error(await poll(server, again)) == (400, "authorization_pending")


async def test_less_may_be_allowed_than_was_asked_for(server: Server) -> None:
    auth_req_id = await asked(server, scope="mcp:write mcp:delete")
    person = await at_requests(server)
    await decide(person, "once", "mcp:write")
    assert "Allowed, for one token." in person.page
    assert (await token(server, auth_req_id))["scope"] == "mcp:write"


async def test_nothing_ticked_is_a_refusal(server: Server) -> None:
    auth_req_id = await asked(server, scope="openid mcp:delete")
    person = await at_requests(server)
    form = {**person.hidden(), "request": waiting(person)[0], "decision": "hour"}
    await person.post("/requests", form)
    assert "Refused." in person.page
    assert error(await poll(server, auth_req_id)) == (400, "access_denied")


async def test_nobody_sees_or_decides_what_somebody_else_is_asked_for(server: Server) -> None:
    auth_req_id = await asked(server)
    alan = await at_requests(server, name="alan", password="alan's password")
    assert "Nothing waits for you." in alan.page
    form = {**alan.hidden(), "csrf": alan.hidden().get("csrf", ""), "request": auth_req_id.partition(".")[0]}
    await asked(server, login_hint="alan")
    await alan.get("/requests")
    form = {**alan.hidden(), "request": auth_req_id.partition(".")[0], "decision": "hour", "scope:mcp:delete": "on"}
    await alan.post("/requests", form)
    assert "That request is over" in alan.page
    assert error(await poll(server, auth_req_id)) == (400, "authorization_pending")


async def test_a_form_of_another_site_decides_nothing(server: Server) -> None:
    auth_req_id = await asked(server)
    person = await at_requests(server)
    form = {**person.hidden(), "request": waiting(person)[0], "scope:mcp:delete": "on", "decision": "once"}
    for csrf in ("", "x", "0" * 64):
        answer = await person.once("POST", "/requests", {**form, "csrf": csrf})
        assert answer.status_code == 400
    assert error(await poll(server, auth_req_id)) == (400, "authorization_pending")


@pytest.mark.parametrize("changed", [{"decision": "allow"}, {"decision": ""}, {"request": ""}])
async def test_a_form_that_says_nothing_clear_decides_nothing(server: Server, changed: dict[str, str]) -> None:
    auth_req_id = await asked(server)
    person = await at_requests(server)
    form = {**person.hidden(), "request": waiting(person)[0], "scope:mcp:delete": "on", "decision": "once", **changed}
    assert (await person.once("POST", "/requests", form)).status_code == 400
    assert error(await poll(server, auth_req_id)) == (400, "authorization_pending")


async def test_one_decision_counts_however_many_are_made_at_once(server: Server, replica: Server) -> None:
    auth_req_id = await asked(server)
    person = await at_requests(server)
    form = {**person.hidden(), "request": waiting(person)[0], "scope:mcp:delete": "on"}
    other = Person(server=replica, cookies=dict(person.cookies))
    answers = await asyncio.gather(
        *(
            who.once("POST", "/requests", {**form, "decision": decision})
            for who in (person, other)
            for decision in ("once", "hour", "refuse", "once")
        )
    )
    told = sorted(answer.headers["location"].rpartition("=")[2] for answer in answers)
    assert told.count("over") == 7
    left = await server.parts.permissions.listed("u-grace")
    won = next(one for one in told if one != "over")
    assert [line.asked for line in left] == ([] if won == "refused" else [won])
    answer: Any = (await poll(server, auth_req_id)).json()
    assert ("error" in answer) == (won == "refused")


async def test_what_is_over_is_not_shown_and_not_decided(server: Server, world: World) -> None:
    await asked(server)
    person = await at_requests(server)
    world.clock.now += 300
    await decide(person, "once")
    assert "That request is over" in person.page
    assert "Nothing waits for you." in person.page
    assert await server.parts.permissions.listed("u-grace") == ()


async def test_what_a_client_may_no_longer_ask_is_not_shown(server: Server, world: World) -> None:
    await asked(server)
    world.write_identity()
    await server.parts.refresh()
    assert "Nothing waits for you." in (await at_requests(server)).page


async def test_whoever_is_not_signed_in_signs_in_and_comes_back_here(server: Server) -> None:
    person = Person(server=server)
    await person.get("/requests")
    assert person.hidden()["then"] == "requests"
    await person.sign_in(password="wrong")
    assert person.hidden()["then"] == "requests"
    await person.sign_in()
    assert "What you are asked for" in person.page


@pytest.mark.parametrize("then", ["https://evil.example", "//evil.example", "account", "../x", "requests/x"])
async def test_a_sign_in_leads_to_no_page_that_a_stranger_names(server: Server, then: str) -> None:
    person = Person(server=server)
    await person.get("/sign-in", then=then)
    assert "then" not in person.hidden()
    answer = await person.once(
        "POST", "/sign-in", {**person.hidden(), "name": "grace", "password": "grace's password", "then": then}
    )
    assert answer.headers["location"] == "/account"


async def test_the_persons_own_page_says_how_many_wait(server: Server) -> None:
    await asked(server)
    await asked(server, "raven")
    person = await at_requests(server)
    await person.get("/account")
    assert "Requests that wait for you: 2" in person.page
