"""The human path on a cluster: a real browser outside it, to whom port-forwards make the canonical names true."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from playwright.async_api import expect

from tests.human.browser import Visitor, chromium, visitor
from tests.human.client import McpClient
from tests.human.listener import listening
from tests.human.story import Place, human_path
from tests.k8s.asking import CHAIN, Asker, claims_of, fresh, note, state_of, waiting_in, wish
from tests.k8s.conftest import Document, System, port_forward

ISSUER = "http://localhost:9000"
NOTES = "http://localhost:8000/mcp"
CONCIERGE = "http://localhost:8010"
PASSWORD = "quite a long password"
pytestmark = [pytest.mark.needs("kubernetes"), pytest.mark.needs("chromium")]


class Crossroads:
    """One port that leads to whichever of several it is turned to; turning it ends the connections that there are."""

    def __init__(self, ports: list[int]) -> None:
        self.port = 0
        self._ports = ports
        self._chosen = ports[0]
        self._open: set[asyncio.StreamWriter] = set()

    def turn(self, number: int) -> None:
        """From here on to this one."""
        self._chosen = self._ports[number]
        for writer in self._open:
            writer.close()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        there, back = await asyncio.open_connection("127.0.0.1", self._chosen)
        ends = {writer, back}
        self._open |= ends
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer), return_exceptions=True)
        finally:
            self._open -= ends


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def _to_pods(daca: System, pods: list[str]) -> AsyncGenerator[Crossroads]:
    async with AsyncExitStack() as stack:
        forwards = [port_forward(daca.kubectl, f"pod/{pod}", 9000) for pod in pods]
        crossroads = Crossroads([await stack.enter_async_context(forward) for forward in forwards])
        server = await asyncio.start_server(crossroads.meet, "127.0.0.1", 0)
        stack.callback(server.close)
        crossroads.port = server.sockets[0].getsockname()[1]
        yield crossroads


def _leads(port: int) -> str:
    return f"--host-resolver-rules=MAP localhost:9000 127.0.0.1:{port}"


@pytest.fixture
def person(daca: System) -> str:
    """A development user of the cluster, made in the server's pod as an administrator would."""
    name = f"person-{secrets.token_hex(3)}"
    where = ("exec", "--stdin", "deployment/auth-server", "--container", "app", "--")
    daca.kubectl(*where, "daca", "user", "add", name, "--password-stdin", stdin=PASSWORD)
    return name


async def test_a_person_walks_the_whole_path_in_a_browser_outside_the_cluster(daca: System, person: str) -> None:
    place = Place(issuer=ISSUER, resource=NOTES, user=person, password=PASSWORD)
    async with (
        _to_pods(daca, daca.kubectl.pods("auth-server")) as crossroads,
        chromium(_leads(crossroads.port)) as browser,
        daca.front() as front,
        listening() as listener,
    ):
        await human_path(browser, front, listener, place)


async def test_sign_in_at_one_replica_and_consent_at_the_other(daca: System, person: str) -> None:
    daca.kubectl.scale(2, "auth-server")
    try:
        pods = daca.kubectl.pods("auth-server")
        assert len(pods) == 2
        async with _to_pods(daca, pods) as crossroads, daca.front() as front, listening() as listener:
            client = McpClient(resource=NOTES, http=front, listener=listener)
            await client.discover()
            await client.register()
            async with chromium(_leads(crossroads.port)) as browser, visitor(browser) as here:
                await here.page.goto(client.authorization_url("mcp:read"))
                await here.sign_in(person, PASSWORD)
                await here.sees(f"Allow {client.name}?")

                crossroads.turn(1)
                await here.page.goto(here.page.url)
                await here.sees(f"Allow {client.name}?")
                await here.decide("Allow")
                tokens = await client.redeem()
            assert tokens["scope"] == "mcp:read"
            assert (await client.refresh(tokens["refresh_token"])).status_code == 200
    finally:
        daca.kubectl.scale(1, "auth-server")


@asynccontextmanager
async def _at_concierge(daca: System, person: str) -> AsyncGenerator[tuple[Visitor, Asker]]:
    """A person in a browser, signed in at a client that nobody knew, and what that client asks concierge with."""
    async with (
        _to_pods(daca, daca.kubectl.pods("auth-server")) as crossroads,
        chromium(_leads(crossroads.port)) as browser,
        daca.front() as front,
        listening() as listener,
        visitor(browser) as here,
    ):
        client = McpClient(resource=CONCIERGE, http=front, listener=listener)
        await client.discover()
        await client.register()
        await here.page.goto(client.authorization_url("agent:ask", "agent:save"))
        await here.sign_in(person, PASSWORD)
        await here.sees(f"Allow {client.name}?")
        await here.decide("Allow")
        tokens = await client.redeem()
        asker = Asker(http=front, url=CONCIERGE, token=tokens["access_token"])
        yield here, asker


async def test_a_person_asks_concierge_and_the_note_says_in_whose_name(
    daca: System, person: str, operator: tuple[str, str]
) -> None:
    """Signed in at a client that nobody knew; concierge asks researcher and scribe; notes records the person first."""
    async with _at_concierge(daca, person) as (_, asker):
        name = fresh()
        done = await asker.say(wish(name))
        assert state_of(done) == "COMPLETED", done
        kept = await note(asker.http, operator, name)
    assert kept is not None
    subject = claims_of(asker.token)["sub"]
    assert not subject.startswith("client:")
    assert kept["created_by"]["subject"] == subject
    assert kept["created_by"]["actors"] == CHAIN


@pytest.mark.parametrize("decision", ["Allow once", "Refuse"])
async def test_an_agent_asks_a_person_for_what_it_may_not_do_and_their_page_decides(
    daca: System, person: str, operator: tuple[str, str], decision: str
) -> None:
    """Nothing leads from a caller's token to deleting: scribe asks by its sidecar, and they decide in the browser."""
    async with _at_concierge(daca, person) as (here, asker):
        name = fresh()
        assert state_of(await asker.say(wish(name))) == "COMPLETED"
        paused = await asker.say(f"Ask the scribe to Delete note '{name}'.")
        assert state_of(paused) == "INPUT_REQUIRED", paused
        (waits,) = waiting_in(paused)
        assert waits["tool"] == "delete_note"
        yes = {"decisions": {waits["call"]: "approve"}}
        asks = await asker.say(data=yes, task=paused["id"], context=paused["contextId"])
        assert state_of(asks) == "AUTH_REQUIRED", asks
        await here.page.goto(asks["metadata"]["daca"]["at_url"])
        await expect(here.page.get_by_role("button", name="Refuse", exact=True)).to_have_count(1)
        assert await note(asker.http, operator, name) is not None, "nothing is done before they have decided"
        await here.page.get_by_role("button", name=decision, exact=True).click()
        done = await _ended(asker, asks["id"])
        kept = await note(asker.http, operator, name)
    assert state_of(done) == "COMPLETED", done
    assert (kept is None) is (decision == "Allow once")


async def _ended(asker: Asker, task: str) -> Document:
    """A task, once it waits for nobody any more."""
    async with asyncio.timeout(90):
        while state_of(found := await asker.task(task)) in {"AUTH_REQUIRED", "WORKING"}:  # noqa: ASYNC110  another process
            await asyncio.sleep(1)
        return found
