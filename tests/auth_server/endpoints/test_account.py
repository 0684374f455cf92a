from dataclasses import replace

import pytest

from tests.auth_server.person import Person, by_portal, refresh
from tests.auth_server.world import CLOCK, NOTES, Server, error


@pytest.fixture
async def person(server: Server) -> Person:
    person = Person(server=server)
    await person.get("/account")
    await person.sign_in()
    return person


async def test_the_page_lists_what_was_allowed_and_takes_it_back(person: Person) -> None:
    tokens = [(await person.tokens())["refresh_token"], (await person.tokens())["refresh_token"]]
    kept = (await person.tokens(resource=CLOCK, scope="mcp:read"))["refresh_token"]
    await person.get("/account")
    assert person.page.count("Disconnect Desk, an editor") == 2
    form = {"csrf": person.hidden()["csrf"], "client": "desk", "resource": NOTES}
    await person.post("/account", form)
    assert person.page.count("Disconnect Desk, an editor") == 1
    for token in tokens:
        assert error(await refresh(person.server, token)) == (400, "invalid_grant")
    assert (await refresh(person.server, kept)).status_code == 200


async def test_the_page_says_when_a_client_last_got_a_token(person: Person) -> None:
    told = await person.tokens()
    person.server.world.clock.now += 3 * 3600
    await refresh(person.server, told["refresh_token"])
    await person.tokens(resource=CLOCK, scope="mcp:read")
    person.server.world.clock.now += 3600
    await person.get("/account")
    assert person.page.count("since 2023-11-14 22:13 UTC, last token 2023-11-15 01:13 UTC") == 1
    assert person.page.count("since 2023-11-15 01:13 UTC, last token 2023-11-15 01:13 UTC") == 1


async def test_what_is_taken_back_is_asked_again(person: Person) -> None:
    await person.allow(**by_portal())
    await person.get("/account")
    await person.post("/account", {"csrf": person.hidden()["csrf"], "client": "portal", "resource": NOTES})
    await person.get("/authorize", **by_portal())
    assert person.boxes() == ["mcp:read", "mcp:write"]


async def test_nobody_sees_or_takes_back_what_another_person_allowed(person: Person) -> None:
    tokens = await person.tokens()
    other = Person(server=person.server, name="alan", password="alan's password")
    await other.get("/account")
    await other.sign_in()
    assert "Desk" not in other.page
    references = [value for name, value in person.hidden().items() if name == "session"]
    form = {"csrf": other.hidden()["csrf"], "client": "desk", "resource": NOTES}
    await other.post("/account", form | {"session": references[0] if references else "x"})
    assert (await refresh(person.server, tokens["refresh_token"])).status_code == 200
    await person.get("/account")
    assert "signed in as <strong>grace" in person.page


async def test_a_request_that_never_became_a_token_is_not_listed_for_long(person: Person) -> None:
    await person.allow()
    person.server.world.clock.now += 601
    await person.get("/account")
    assert "Desk" not in person.page


async def test_a_session_of_another_browser_can_be_ended(person: Person) -> None:
    elsewhere = Person(server=person.server)
    await elsewhere.get("/account")
    await elsewhere.sign_in()
    await person.get("/account")
    assert person.page.count("End this session") == 2
    own = next(line for line in elsewhere.page.split("<li>") if "(here)" in line)
    reference = own.partition('name="session" value="')[2].partition('"')[0]
    await person.post("/account", {"csrf": person.hidden()["csrf"], "session": reference})
    assert person.page.count("End this session") == 1
    await elsewhere.get("/account")
    assert 'name="password"' in elsewhere.page


async def test_who_signs_out_is_out_and_the_clients_stay(person: Person) -> None:
    tokens = await person.tokens()
    await person.get("/account")
    cookie = dict(person.cookies)
    await person.post("/sign-out", {"csrf": person.hidden()["csrf"]})
    assert 'name="password"' in person.page
    thief = Person(server=person.server, cookies=cookie)
    await thief.get("/account")
    assert 'name="password"' in thief.page
    assert (await refresh(person.server, tokens["refresh_token"])).status_code == 200


async def test_the_oldest_of_more_than_a_hundred_permissions_is_revoked(person: Person) -> None:
    first = (await person.tokens())["refresh_token"]
    for number in range(100):
        await _another(person, number)
    assert error(await refresh(person.server, first)) == (400, "invalid_grant")


async def test_the_oldest_of_more_than_twenty_sessions_ends(person: Person) -> None:
    again = person
    for _ in range(20):
        again = Person(server=person.server)
        await again.get("/account")
        await again.sign_in()
    assert again.page.count("End this session") == 20
    await person.get("/account")
    assert 'name="password"' in person.page


async def _another(person: Person, number: int) -> None:
    permissions = person.server.parts.permissions
    line = (await permissions.listed("u-grace"))[-1]
    found = await permissions.find(line.id)
    assert found is not None
    name = f"{number:032x}"
    await permissions.add(replace(found, id=name), replace(line, id=name))
    assert len(await permissions.listed("u-grace")) <= 100
