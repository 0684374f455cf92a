import asyncio

import pytest

from auth_server import passwords
from auth_server.admin import add_user, disable_user
from auth_server.endpoints.human import COOKIE
from tests.auth_server.person import Person, asked, back
from tests.auth_server.world import ISSUER, Server


@pytest.fixture
async def person(server: Server) -> Person:
    person = Person(server=server)
    await person.get("/authorize", **asked())
    return person


@pytest.mark.requirement("AS-22", "AS-38")
@pytest.mark.parametrize(
    "given",
    [
        {"password": "wrong"},
        {"password": ""},
        {"name": "nobody"},
        {"name": ""},
        {"name": "Grace"},
        {"name": "alan"},
        {"name": "alan", "password": "$argon2id$"},
        {"name": "nobody", "password": "nobody"},
    ],
)
async def test_nobody_comes_in_without_their_own_password(person: Person, given: dict[str, str]) -> None:
    answer = await person.sign_in(**given)
    assert answer.status_code == 403
    assert "Name or password is wrong." in person.page
    assert "www-authenticate" not in answer.headers
    assert (await person.get("/account")).request.url.path == "/sign-in"


@pytest.mark.parametrize("who", [("grace", "grace's password"), ("alan", "alan's password"), ("ada", "ada's password")])
async def test_people_of_the_file_and_of_the_store_come_in(person: Person, who: tuple[str, str]) -> None:
    await add_user(person.server.world.state, "ada", "ada's password")
    await person.sign_in(name=who[0], password=who[1])
    assert f"in your name, <strong>{who[0]}</strong>" in person.page


@pytest.mark.requirement("AS-22")
async def test_a_disabled_person_does_not_come_in_and_is_put_out(person: Person) -> None:
    state = person.server.world.state
    await add_user(state, "ada", "ada's password")
    await person.sign_in(name="ada", password="ada's password")
    await disable_user(state, "ada")
    answer = await person.decide("mcp:read")
    assert answer.status_code == 200
    assert 'name="password"' in person.page
    assert (await person.sign_in(name="ada", password="ada's password")).status_code == 403


async def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(server: Server) -> None:
    answer = await server.http.get("/sign-in")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-daca=")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


async def test_signing_in_gives_the_session_a_new_name_and_ends_the_one_before(person: Person) -> None:
    planted = person.cookies[COOKIE]
    await person.sign_in()
    first = person.cookies[COOKIE]
    assert first != planted
    await person.get("/authorize", **asked(prompt="login"))
    await person.sign_in()
    assert person.cookies[COOKIE] != first
    for old in (planted, first):
        thief = Person(server=person.server, cookies={COOKIE: old})
        await thief.get("/account")
        assert 'name="password"' in thief.page


@pytest.mark.parametrize("path", ["/sign-in", "/consent", "/account", "/sign-out"])
@pytest.mark.parametrize("csrf", [None, "", "0" * 64])
async def test_a_form_of_another_site_does_nothing(person: Person, path: str, csrf: str | None) -> None:
    await person.sign_in()
    form = {**person.hidden(), "decision": "allow", "scope:mcp:read": "on", "name": "grace", "session": "x"}
    form.pop("csrf")
    answer = await person.once("POST", path, form if csrf is None else {**form, "csrf": csrf})
    assert answer.status_code == 400
    assert "too old" in answer.text
    await person.get("/account")
    assert "signed in as <strong>grace" in person.page


async def test_the_form_of_one_browser_is_no_good_in_another(person: Person) -> None:
    other = Person(server=person.server)
    await other.get("/sign-in")
    assert (await other.post("/sign-in", person.hidden() | {"name": "grace", "password": "x"})).status_code == 400


@pytest.mark.requirement("AS-40")
async def test_what_was_typed_is_not_sent_on(person: Person) -> None:
    form = {**person.hidden(), "name": "grace", "password": "grace's password"}
    answer = await person.once("POST", "/sign-in", form)
    assert answer.status_code == 303
    assert "password" not in answer.headers["location"]


@pytest.mark.requirement("AS-41")
async def test_guesses_from_one_place_are_told_to_wait(person: Person) -> None:
    for _ in range(10):
        assert (await person.sign_in(password="wrong")).status_code == 403
    answer = await person.sign_in()
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 300
    person.server.world.clock.now += 301
    assert back(await Person(server=person.server).get("/authorize", **asked(prompt="none")))
    await person.get("/sign-in")
    assert (await person.sign_in()).status_code == 200


@pytest.mark.requirement("AS-41")
async def test_nobody_locks_out_a_person_from_a_browser_they_use(person: Person) -> None:
    await person.sign_in()
    stranger = Person(server=person.server)
    await stranger.get("/sign-in")
    for _ in range(12):
        await stranger.sign_in(password="wrong")
    assert (await stranger.sign_in()).status_code == 429
    await person.get("/authorize", **asked(prompt="login"))
    assert (await person.sign_in()).status_code == 200
    assert person.boxes()


async def test_an_unknown_name_costs_the_same_work_and_reads_the_same(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str | None] = []
    real = passwords._fits

    def counted(password: str, known: str | None) -> bool:
        worked.append(known)
        return real(password, known)

    monkeypatch.setattr(passwords, "_fits", counted)
    pages: set[str] = set()
    for name in ("grace", "alan", "nobody"):
        await person.sign_in(name=name, password="wrong")
        pages.add(person.page.replace(name, "NAME"))
    assert [known is None for known in worked] == [True, False, True]
    assert len(pages) == 1


async def test_who_comes_without_a_request_goes_to_their_own_page(server: Server) -> None:
    person = Person(server=server)
    await person.get("/account")
    answer = await person.sign_in()
    assert str(answer.url) == f"{ISSUER}/account"


async def test_the_store_that_is_away_is_a_page_that_says_so(person: Person) -> None:
    person.server.world.state.away = True
    answer = await person.sign_in()
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")


async def test_an_upper_bound_holds_on_passwords_that_are_tried_at_once(person: Person) -> None:
    forms = [{**person.hidden(), "name": f"n{number}", "password": "x"} for number in range(60)]
    answers = await asyncio.gather(*(person.once("POST", "/sign-in", form) for form in forms))
    assert {answer.status_code for answer in answers} == {403, 503}
