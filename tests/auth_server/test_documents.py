import asyncio
import ssl
from collections.abc import AsyncGenerator
from urllib.parse import urlencode

import pytest

from auth_server.documents import Documents
from auth_server.errors import InvalidClient, TooManyRegistrations
from auth_server.fetch.guarded import Fetcher
from auth_server.models import DocumentPolicy
from tests.auth_server.person import Person, asked, redeem
from tests.auth_server.site import BACK, Site, a_site
from tests.auth_server.world import CLIENT_KEY, JWT_BEARER, Clock, Server, World, claims, signed

TLS = ssl.create_default_context()


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    async with a_site() as site:
        yield site


def documents(clock: Clock, policy: DocumentPolicy | None = None) -> Documents:
    return Documents(Fetcher(loopback=True, tls=TLS), lambda: policy or DocumentPolicy(), clock)


@pytest.mark.requirement("AS-11")
async def test_a_document_is_fetched_again_when_the_header_fields_say_so(site: Site) -> None:
    clock, url = Clock(), site.describes()
    found = documents(clock)
    for seconds, fetches in ((0, 1), (59, 1), (2, 2)):
        clock.now += seconds
        await found.find(url)
        assert len(site.asked) == fetches


@pytest.mark.requirement("AS-11")
async def test_failures_and_malformed_documents_are_never_kept(site: Site) -> None:
    found = documents(Clock())
    url = site.describes(redirect_uris=None)
    for _ in range(2):
        with pytest.raises(InvalidClient, match="redirect_uris"):
            await found.find(url)
    site.status = "500 Oops"
    with pytest.raises(InvalidClient, match="cannot be had"):
        await found.find(url)
    site.status = "200 OK"
    site.describes()
    assert (await found.find(url)).client_name == "Quill"
    assert len(site.asked) == 4


@pytest.mark.requirement("AS-11")
async def test_a_document_that_went_away_counts_no_longer_when_its_time_is_over(site: Site) -> None:
    clock, url = Clock(), site.describes()
    found = documents(clock)
    await found.find(url)
    clock.now += 61
    site.status = "404 Gone"
    for _ in range(2):
        with pytest.raises(InvalidClient):
            await found.find(url)


async def test_what_is_kept_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auth_server.documents._MOST", 3)
    found = documents(Clock())
    for number in range(6):
        url = site.url(f"/{number}")
        site.describes(client_id=url)
        await found.find(url)
    assert len(found._kept) == 3


async def test_many_who_ask_at_once_are_one_fetch_and_who_goes_away_stops_nobody(site: Site) -> None:
    url, site.held = site.describes(), asyncio.Event()
    found = documents(Clock())
    first, *others = [asyncio.create_task(found.find(url)) for _ in range(20)]
    await site.reached.wait()
    first.cancel()
    site.held.set()
    assert {client.client_id for client in await asyncio.gather(*others)} == {url}
    assert len(site.asked) == 1


@pytest.mark.requirement("AS-41")
async def test_a_host_is_not_asked_without_end_whoever_names_it(site: Site) -> None:
    clock = Clock()
    found = documents(clock)
    site.status = "404 Gone"
    for number in range(60):
        with pytest.raises(InvalidClient):
            await found.find(site.url(f"/{number}"))
    with pytest.raises(TooManyRegistrations):
        await found.find(site.url("/one-more"))
    assert len(site.asked) == 60
    clock.now += 61
    with pytest.raises(InvalidClient):
        await found.find(site.url("/later"))


@pytest.mark.requirement("AS-07")
async def test_a_document_of_a_domain_that_is_not_trusted_is_not_even_fetched(site: Site) -> None:
    url = site.describes()
    for policy in (
        DocumentPolicy(accept=("client.example",)),
        DocumentPolicy(accept=()),
        DocumentPolicy(refuse=("localhost",)),
    ):
        with pytest.raises(InvalidClient, match="not accepted"):
            await documents(Clock(), policy).find(url)
    assert site.asked == []


async def test_a_refusal_tells_nothing_of_the_network(site: Site) -> None:
    found = Documents(Fetcher(tls=TLS), DocumentPolicy, Clock())
    texts: set[str] = set()
    for url in (f"https://localhost:{site.port}/c", "https://10.0.0.1/c", "https://nowhere.invalid/c"):
        with pytest.raises(InvalidClient) as refused:
            await found.find(url)
        texts.add(refused.value.description)
    assert texts == {"the client's metadata document cannot be had"}


@pytest.fixture
async def server(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Server]:
    monkeypatch.setenv("DACA_FETCH_LOOPBACK", "true")
    await world.seed()
    async with world.server() as server:
        yield server


@pytest.mark.requirement("AS-07", "AS-08")
async def test_a_person_lets_in_a_client_that_is_known_by_its_document(server: Server, site: Site) -> None:
    url = site.describes(grant_types=["authorization_code", "refresh_token"])
    person = Person(server=server)
    tokens = await person.tokens(client_id=url, redirect_uri="http://127.0.0.1:61234/callback")
    issued = await server.verified(tokens["access_token"])
    assert issued.claims["client_id"] == url
    assert tokens["refresh_token"]
    assert len(site.asked) == 1


@pytest.mark.requirement("AS-07")
async def test_the_metadata_says_that_documents_count_as_long_as_they_do(server: Server) -> None:
    path = "/.well-known/oauth-authorization-server"
    assert (await server.http.get(path)).json()["client_id_metadata_document_supported"] is True
    server.world.write_identity(server.world.identity.read_text() + "client_documents: { accept: [] }\n")
    await server.parts.refresh()
    assert (await server.http.get(path)).json()["client_id_metadata_document_supported"] is False


@pytest.mark.requirement("AS-08", "AS-09")
async def test_a_document_that_cannot_be_had_or_read_ends_the_request_on_a_page(server: Server, site: Site) -> None:
    url = site.describes(client_id="https://other.example/c.json")
    person = Person(server=server)
    answer = await person.once("GET", "/authorize?" + _query(url))
    assert answer.status_code in (400, 401)
    assert "location" not in answer.headers
    assert "not the URL it stands at" in answer.text
    site.status = "404 Gone"
    answer = await person.once("GET", "/authorize?" + _query(url))
    assert answer.status_code in (400, 401)
    assert "location" not in answer.headers


@pytest.mark.requirement("AS-10")
async def test_a_redirect_uri_that_is_not_in_the_document_ends_the_request_on_a_page(
    server: Server, site: Site
) -> None:
    url = site.describes()
    person = Person(server=server)
    for uri in ("https://evil.example/cb", "http://127.0.0.1:5000/other", "http://localhost:5000/callback"):
        answer = await person.once("GET", "/authorize?" + _query(url, redirect_uri=uri))
        assert answer.status_code == 400
        assert "location" not in answer.headers


async def test_a_client_that_publishes_its_key_proves_itself_with_it(server: Server, site: Site) -> None:
    jwks = {"keys": [CLIENT_KEY.as_dict(private=False)]}
    url = site.describes(token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    told = await Person(server=server).allow(client_id=url, redirect_uri=BACK)
    unproven = await redeem(server, told["code"], client_id=url, redirect_uri=BACK)
    assert (unproven.status_code, unproven.json()["error"]) == (401, "invalid_client")
    proof = {"client_assertion_type": JWT_BEARER, "client_assertion": signed(claims(url))}
    answer = await redeem(server, told["code"], client_id=url, redirect_uri=BACK, **proof)
    assert answer.status_code == 200, answer.text


def _query(url: str, **changed: str) -> str:
    return urlencode(asked(client_id=url, **{"redirect_uri": BACK, **changed}))
