"""Sign-in through another OpenID provider, which may be careless, hostile, or away."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.auth_server.person import Person, asked, back, by_portal, redeem, refresh
from tests.auth_server.provider import CALLBACK, STRANGE_KEY, Provider, a_provider, identity_with
from tests.auth_server.world import ISSUER, START, Server, World


@pytest.fixture
async def provider(world: World) -> AsyncGenerator[Provider]:
    async with a_provider(world) as provider:
        yield provider


@pytest.fixture
async def person(provider: Provider, world: World) -> AsyncGenerator[Person]:
    assert provider.port
    await world.seed()
    async with world.server() as server:
        yield Person(server=server)


async def leave(person: Person, **request: str | None) -> str:
    """Where the button on the sign-in page leads."""
    await person.get("/authorize", **asked(**request))
    assert "Sign in with Example Corp" in person.page
    answer = await person.once("POST", "/upstream", person.hidden())
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def arrive(person: Person, where: str) -> httpx2.Response:
    answer = await person.once("GET", where)
    if answer.status_code == 303 and answer.headers["location"].startswith("/"):
        return await person.get(answer.headers["location"])
    return answer


async def tokens(person: Person, provider: Provider, **request: str | None) -> dict[str, Any]:
    await arrive(person, provider.says_yes(await leave(person, **request)))
    told = back(await person.decide(*person.boxes()))
    return (await redeem(person.server, told["code"])).json()


async def test_whom_the_provider_vouches_for_decides_here_and_their_client_gets_tokens(
    person: Person, provider: Provider
) -> None:
    told = await tokens(person, provider)
    token = await person.server.verified(told["access_token"])
    assert token.claims["sub"].startswith("up.")
    assert provider.sub not in str(token.claims)
    assert (await refresh(person.server, told["refresh_token"])).status_code == 200
    await person.get("/account")
    assert "signed in as <strong>ada</strong>" in person.page


async def test_the_provider_is_asked_with_state_nonce_and_challenge(person: Person, provider: Provider) -> None:
    sent = parse_qs(urlsplit(await leave(person, login_hint="ada")).query, strict_parsing=True)
    assert {name: sent[name] for name in ("client_id", "redirect_uri", "response_type", "code_challenge_method")} == {
        "client_id": ["daca"],
        "redirect_uri": [CALLBACK],
        "response_type": ["code"],
        "code_challenge_method": ["S256"],
    }
    assert sent["scope"] == ["openid profile email"]
    assert sent["login_hint"] == ["ada"]
    again = parse_qs(urlsplit(await leave(person)).query)
    assert all(sent[name] != again[name] for name in ("state", "nonce", "code_challenge"))
    assert "prompt" not in again
    assert provider.asked == ["/.well-known/openid-configuration"]


async def test_a_person_has_one_subject_for_ever_and_nobody_elses(person: Person, provider: Provider) -> None:
    subjects: list[str] = []
    for sub in ("one", "two", "one"):
        provider.sub = sub
        browser = Person(server=person.server)
        token = await person.server.verified((await tokens(browser, provider))["access_token"])
        subjects.append(token.claims["sub"])
    assert subjects[0] == subjects[2] != subjects[1]


async def test_any_replica_takes_the_answer(person: Person, provider: Provider, world: World) -> None:
    where = await leave(person)
    async with world.server() as replica:
        person.server = replica
        await arrive(person, provider.says_yes(where))
        assert "in your name, <strong>ada</strong>" in person.page


@pytest.mark.parametrize(("path", "title"), [("/account", "Your access"), ("/requests", "What you are asked for")])
async def test_without_a_client_they_come_to_the_page_of_their_own_that_they_wanted(
    person: Person, provider: Provider, path: str, title: str
) -> None:
    await person.get(path)
    answer = await person.once("POST", "/upstream", person.hidden())
    assert (await arrive(person, provider.says_yes(answer.headers["location"]))).status_code == 200
    assert f"<h1>{title}</h1>" in person.page
    assert "signed in as <strong>ada</strong>" in person.page


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "somebody else's"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["daca", "another client"]},
        {"aud": None},
        {"azp": "another client"},
        {"exp": START - 61},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": START - 601},
        {"iat": START + 61},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)
async def test_an_id_token_that_does_not_hold_lets_nobody_in(
    person: Person, provider: Provider, changed: dict[str, Any]
) -> None:
    provider.claims = changed
    answer = await arrive(person, provider.says_yes(await leave(person)))
    assert answer.status_code == 403
    assert "Example Corp did not sign you in" in person.page
    assert 'name="password"' in person.page
    assert (await person.get("/account")).request.url.path == "/sign-in"


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"key": STRANGE_KEY}, id="a strange key"),
        {"header": {"alg": "none"}},
        {"header": {"alg": "HS256"}},
        {"header": {"crit": ["x"]}},
        {"told": {"id_token": None}},
        {"told": {"id_token": "x.y.z"}},
        {"told": {"access_token": None}},
        {"about": {"sub": "somebody else"}},
    ],
    ids=str,
)
async def test_an_answer_that_nobody_signed_or_that_is_of_somebody_else_lets_nobody_in(
    person: Person, provider: Provider, lie: dict[str, Any]
) -> None:
    for name, value in lie.items():
        setattr(provider, name, value)
    answer = await arrive(person, provider.says_yes(await leave(person)))
    assert answer.status_code == 403
    assert (await person.get("/account")).request.url.path == "/sign-in"


@pytest.mark.parametrize("iss", ["https://evil.example", None, ""])
async def test_an_answer_of_another_issuer_is_refused_before_its_code_is_sent_anywhere(
    person: Person, provider: Provider, iss: str | None
) -> None:
    answer = await arrive(person, provider.says_yes(await leave(person), iss=iss))
    assert answer.status_code == 403
    assert "the answer is from somebody else" in person.page
    assert "/token" not in provider.asked


async def test_an_error_of_another_issuer_is_not_believed_either(person: Person, provider: Provider) -> None:
    where = await leave(person)
    await arrive(person, provider.sends(where, error="access_denied", iss="https://evil.example"))
    assert "the answer is from somebody else" in person.page


async def test_a_provider_that_never_names_itself_need_not(person: Person, provider: Provider) -> None:
    provider.document = {"authorization_response_iss_parameter_supported": None}
    await arrive(person, provider.says_yes(await leave(person), iss=None))
    assert "in your name, <strong>ada</strong>" in person.page


async def test_a_refusal_is_told_on_the_page_and_another_try_works(person: Person, provider: Provider) -> None:
    await arrive(person, provider.sends(await leave(person), error="access_denied<script>"))
    assert "Example Corp did not sign you in: it says no." in person.page
    assert "script" not in person.page
    answer = await person.once("POST", "/upstream", person.hidden())
    await arrive(person, provider.says_yes(answer.headers["location"]))
    assert "in your name, <strong>ada</strong>" in person.page


async def test_an_answer_is_good_once(person: Person, provider: Provider) -> None:
    where = provider.says_yes(await leave(person))
    cookies = dict(person.cookies)
    await arrive(person, where)
    for browser in (person, Person(server=person.server, cookies=cookies)):
        answer = await browser.once("GET", where)
        assert (answer.status_code, "used already" in answer.text) == (400, True)
    assert provider.asked.count("/token") == 1


async def test_of_many_that_bring_one_answer_one_is_let_in(person: Person, provider: Provider) -> None:
    where = provider.says_yes(await leave(person))
    cookies = dict(person.cookies)
    browsers = [Person(server=person.server, cookies=dict(cookies)) for _ in range(10)]
    answers = await asyncio.gather(*(browser.once("GET", where) for browser in browsers))
    assert sorted(answer.status_code for answer in answers) == [303, *[400] * 9]


async def test_another_browsers_answer_is_refused_and_still_good_in_its_own(person: Person, provider: Provider) -> None:
    victim = Person(server=person.server)
    await victim.get("/authorize", **asked())
    where = provider.says_yes(await leave(person))
    for browser in (victim, Person(server=person.server)):
        answer = await browser.once("GET", where)
        assert (answer.status_code, "another browser" in answer.text) == (400, True)
        assert (await browser.get("/account")).request.url.path == "/sign-in"
    assert "/token" not in provider.asked
    await arrive(person, where)
    assert "in your name, <strong>ada</strong>" in person.page


async def test_another_persons_code_does_not_fit_this_browsers_question(person: Person, provider: Provider) -> None:
    thief = Person(server=person.server)
    stolen = parse_qs(urlsplit(provider.says_yes(await leave(thief))).query)["code"][0]
    answer = await arrive(person, provider.sends(await leave(person), code=stolen))
    assert answer.status_code == 403
    assert (await person.get("/account")).request.url.path == "/sign-in"


async def test_an_answer_that_comes_too_late_or_to_no_question_is_refused(
    person: Person, provider: Provider, world: World
) -> None:
    where = provider.says_yes(await leave(person))
    world.clock.now += 601
    assert (await person.once("GET", where)).status_code == 400
    assert (await person.once("GET", f"{CALLBACK}?code=x&state=invented")).status_code == 400
    assert (await person.once("GET", f"{CALLBACK}?code=x")).status_code == 400
    assert (await person.once("GET", f"{where}&state=x")).status_code == 400


async def test_no_other_site_starts_a_sign_in(person: Person, provider: Provider) -> None:
    await person.get("/authorize", **asked())
    for form in ({**person.hidden(), "csrf": "x"}, {"interaction": person.hidden()["interaction"]}):
        assert (await person.once("POST", "/upstream", form)).status_code == 400
    assert (await person.once("GET", "/upstream")).status_code == 405
    assert provider.asked == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"padding": "x" * 70_000},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_provider_whose_document_does_not_hold_is_not_used(
    person: Person, provider: Provider, wrong: dict[str, Any]
) -> None:
    provider.document = wrong
    await person.get("/authorize", **asked())
    answer = await person.once("POST", "/upstream", person.hidden())
    assert answer.status_code == 503
    assert "Example Corp did not sign you in: it does not answer as it should." in person.page
    await person.sign_in()
    assert "in your name, <strong>grace</strong>" in person.page


@pytest.mark.parametrize(
    ("let_in", "about", "comes_in"),
    [
        ("{ subjects: ['248289761001'] }", {}, True),
        ("{ subjects: ['another'] }", {}, False),
        ("{ domains: [example.com] }", {"email": "ada@Example.com", "email_verified": True}, True),
        ("{ domains: [example.com] }", {"email": "ada@example.com", "email_verified": False}, False),
        ("{ domains: [example.com] }", {"email": "ada@example.com", "email_verified": "true"}, False),
        ("{ domains: [example.com] }", {"email": "ada@evil.example.com", "email_verified": True}, False),
        ("{ domains: [example.com] }", {"email": "ada@example.com@evil.example", "email_verified": True}, False),
        ("{ domains: [example.com] }", {}, False),
        ("{ everyone: true, refuse: ['248289761001'] }", {}, False),
    ],
)
async def test_only_whom_the_file_names_is_let_in(
    person: Person, provider: Provider, world: World, let_in: str, about: dict[str, Any], *, comes_in: bool
) -> None:
    world.write_identity(identity_with(provider, let_in))
    await person.server.parts.refresh()
    provider.about = about
    answer = await arrive(person, provider.says_yes(await leave(person)))
    assert (answer.status_code, "in your name, <strong>ada</strong>" in person.page) == (
        (200, True) if comes_in else (403, False)
    )
    assert ("not among those who may come in here" in person.page) is not comes_in


@pytest.mark.parametrize("change", ["refuse", "gone"])
async def test_whoever_is_refused_later_does_not_go_on(
    person: Person, provider: Provider, world: World, change: str
) -> None:
    told = await tokens(person, provider)
    refused = identity_with(provider, "{ everyone: true, refuse: ['248289761001'] }")
    world.write_identity(refused) if change == "refuse" else world.write_identity()
    await person.server.parts.refresh()
    assert (await person.get("/account")).request.url.path == "/sign-in"
    assert (await refresh(person.server, told["refresh_token"])).status_code == 400


async def test_a_name_that_somebody_here_has_too_makes_nobody_that_person(person: Person, provider: Provider) -> None:
    provider.about = {"preferred_username": "grace"}
    token = await person.server.verified((await tokens(person, provider))["access_token"])
    assert token.claims["sub"] != "u-grace"


@pytest.mark.parametrize("name", [None, 7, "", "\n\u202e"])
async def test_whoever_has_no_name_is_called_by_their_subject(person: Person, provider: Provider, name: object) -> None:
    provider.about = {"preferred_username": name}
    await arrive(person, provider.says_yes(await leave(person)))
    assert "in your name, <strong>248289761001</strong>" in person.page


async def test_what_the_client_wants_of_a_sign_in_is_asked_of_the_provider(person: Person, provider: Provider) -> None:
    where = await leave(person, prompt="login consent", max_age="60")
    sent = parse_qs(urlsplit(where).query)
    assert (sent["prompt"], sent["max_age"]) == (["login"], ["60"])
    provider.claims = {"auth_time": START - 200}
    assert (await arrive(person, provider.says_yes(where))).status_code == 403
    provider.claims = {"auth_time": START - 30}
    answer = await person.once("POST", "/upstream", person.hidden())
    await arrive(person, provider.says_yes(answer.headers["location"]))
    assert "in your name, <strong>ada</strong>" in person.page


async def test_without_our_secret_there_nobody_comes_in(person: Person, provider: Provider, world: World) -> None:
    del world.secrets.found["upstream-corp"]
    answer = await arrive(person, provider.says_yes(await leave(person)))
    assert (answer.status_code, "is not set up" in person.page) == (503, True)


async def test_the_page_may_lead_to_the_provider_and_to_the_client(person: Person, provider: Provider) -> None:
    await person.get("/authorize", **by_portal())
    answer = await person.get("/sign-in", interaction=person.hidden()["interaction"])
    policy = answer.headers["content-security-policy"]
    assert f"form-action 'self' https: https://portal.example {provider.issuer}" in policy


async def test_without_a_provider_there_is_no_such_way(world: World) -> None:
    await world.seed()
    async with world.server() as server:
        person = Person(server=server)
        await person.get("/authorize", **asked())
        assert "Sign in with" not in person.page
        assert (await person.once("POST", "/upstream", person.hidden())).status_code == 400
        assert (await person.once("GET", f"{ISSUER}/callback/upstream?state=x&code=x")).status_code == 400


def test_the_server_keeps_the_same_url_for_the_answer() -> None:
    assert f"{ISSUER}/callback/upstream" == CALLBACK


async def test_a_session_of_before_ends(person: Person, provider: Provider, server: Server) -> None:
    assert server
    await person.get("/account")
    await person.sign_in()
    cookies = dict(person.cookies)
    await person.get("/authorize", **asked(prompt="login"))
    answer = await person.once("POST", "/upstream", person.hidden())
    await arrive(person, provider.says_yes(answer.headers["location"]))
    before = Person(server=person.server, cookies=cookies)
    assert (await before.get("/account")).request.url.path == "/sign-in"
