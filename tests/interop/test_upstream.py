"""Our sign-in page sends people to node-oidc-provider, and takes them back."""

import re
import subprocess
import time
from collections.abc import AsyncGenerator, Generator
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest

from sidecar.embedded import SqliteState
from tests.auth_server.person import Person, asked, back, redeem
from tests.auth_server.world import IDENTITY, ISSUER, Clock, Interruptible, World
from tests.ports import free_port

CALLBACK = f"{ISSUER}/callback/upstream"
SECRET = "a secret + of % ours"  # characters that Basic must encode, RFC 6749 §2.3.1
UPSTREAM = """
upstream:
  issuer: http://localhost:{port}
  label: Example Corp
  client_id: daca
  secret: upstream-corp
  token_endpoint_auth_method: {method}
  let_in: {{ domains: [example.com], refuse: [mallory] }}
"""
_ACTION = re.compile(r'<form[^>]* action="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')

pytestmark = pytest.mark.needs("node")


@pytest.fixture(scope="module", params=["client_secret_basic", "client_secret_post"])
def provider(request: pytest.FixtureRequest, peers: Path, node: str) -> Generator[tuple[int, str]]:
    """The port of a running provider, and how it wants our secret."""
    port = free_port()
    argv = [node, "upstream.mjs", str(port), "daca", SECRET, CALLBACK, request.param]
    with subprocess.Popen(argv, cwd=peers, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = next((line for line in process.stderr if line.startswith("ready")), None)
        assert said is not None
        yield port, request.param
        process.terminate()


@pytest.fixture
async def person(provider: tuple[int, str], tmp_path: Path) -> AsyncGenerator[Person]:
    clock = Clock()
    clock.now = time.time()
    async with SqliteState(tmp_path / "state.db", "auth-server", clock=clock) as state:
        world = World(folder=tmp_path, state=Interruptible(state), clock=clock)
        world.secrets.found["upstream-corp"] = {"secret": SECRET}
        world.write_identity(IDENTITY + UPSTREAM.format(port=provider[0], method=provider[1]))
        await world.seed()
        async with world.server() as server:
            yield Person(server=server)


async def at_the_provider(where: str, login: str) -> str:
    """Somebody signs in there and agrees; where their browser is sent."""
    async with httpx2.AsyncClient() as browser:
        answer = await browser.get(where)
        for _ in range(20):
            if "location" in answer.headers:
                where = urljoin(str(answer.url), answer.headers["location"])
                if where.startswith(CALLBACK):
                    return where
                answer = await browser.get(where)
                continue
            assert answer.status_code == 200, answer.text
            hidden = {name: unescape(value) for name, value in _HIDDEN.findall(answer.text)}
            action = urljoin(str(answer.url), unescape(_ACTION.findall(answer.text)[0]))
            answer = await browser.post(action, data={**hidden, "login": login, "password": "any"})
    raise AssertionError(f"the provider leads nowhere: {answer.text}")


async def leave(person: Person, **request: str) -> str:
    await person.get("/authorize", **asked(**request))
    answer = await person.once("POST", "/upstream", person.hidden())
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def arrive(person: Person, where: str) -> httpx2.Response:
    answer = await person.once("GET", where)
    return await person.get(answer.headers["location"]) if answer.status_code == 303 else answer


async def subject_of(person: Person, login: str) -> str:
    await arrive(person, await at_the_provider(await leave(person), login))
    assert f"in your name, <strong>{login} at work</strong>" in person.page
    told = back(await person.decide(*person.boxes()))
    token = await person.server.verified((await redeem(person.server, told["code"])).json()["access_token"])
    return token.claims["sub"]


async def test_people_sign_in_there_and_are_the_same_person_here_each_time(person: Person) -> None:
    first = await subject_of(person, "ada")
    assert first.startswith("up.")
    assert await subject_of(Person(server=person.server), "ada") == first
    assert await subject_of(Person(server=person.server), "grace") != first


async def test_an_answer_is_good_once_and_in_its_own_browser(person: Person) -> None:
    where = await at_the_provider(await leave(person), "ada")
    other = Person(server=person.server)
    await other.get("/authorize", **asked())
    assert (await other.once("GET", where)).status_code == 400
    assert (await person.once("GET", where)).status_code == 303
    assert (await person.once("GET", where)).status_code == 400


async def test_whoever_the_file_refuses_is_told_so(person: Person) -> None:
    answer = await arrive(person, await at_the_provider(await leave(person), "mallory"))
    assert (answer.status_code, "you are not among those" in person.page) == (403, True)


async def test_a_question_that_was_changed_on_its_way_gets_no_one_in(person: Person) -> None:
    where = await leave(person)
    changed = re.sub(r"nonce=[^&]+", "nonce=another", where)
    assert changed != where
    answer = await arrive(person, await at_the_provider(changed, "ada"))
    assert answer.status_code == 403
    where = re.sub(r"code_challenge=[^&]+", "code_challenge=" + "A" * 43, await leave(person))
    assert (await arrive(person, await at_the_provider(where, "ada"))).status_code == 403
    answer = await arrive(person, (await at_the_provider(await leave(person), "ada")).replace("iss=http", "iss=https"))
    assert (answer.status_code, "from somebody else" in person.page) == (403, True)


async def test_the_age_of_a_sign_in_there_is_held_against_what_the_client_wants(person: Person) -> None:
    where = await at_the_provider(await leave(person, max_age="300"), "ada")
    await arrive(person, where)
    assert "in your name, <strong>ada at work</strong>" in person.page
    where = await at_the_provider(await leave(person, prompt="login", max_age="300"), "ada")
    person.server.world.clock.now += 400
    assert (await arrive(person, where)).status_code == 403
