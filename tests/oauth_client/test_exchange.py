"""Against the authorization server of this house, in process; the resources are documents alone."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from oauth_client import (
    BadTokenAnswer,
    ClientSecret,
    CredentialsUnusable,
    EnterpriseTokens,
    Exchanges,
    Policy,
    SubjectEnded,
    TokenAuth,
    TokenRefused,
    Tokens,
)
from sidecar.embedded import SqliteState
from tests.auth_server import chain, idp
from tests.auth_server.world import ISSUER, NOTES, PORTAL, Clock, Interruptible, Server, World
from tests.oauth_client.town import Town


@dataclass
class Place:
    """A resource: says where its tokens come from, and takes any."""

    uri: str
    tokens: list[str] = field(default_factory=list[str])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, path = Request(scope, receive), urlsplit(self.uri).path
        where = f"/.well-known/oauth-protected-resource{path}"
        await self._answer(request, where)(scope, receive, send)

    def _answer(self, request: Request, where: str) -> Response:
        if request.url.path == where:
            return JSONResponse({"resource": self.uri, "authorization_servers": [ISSUER]})
        header = request.headers.get("authorization")
        if header is None:
            origin = f"http://{urlsplit(self.uri).netloc}"
            return Response(
                status_code=401, headers={"www-authenticate": f'Bearer resource_metadata="{origin}{where}"'}
            )
        self.tokens.append(header.removeprefix("Bearer "))
        return Response("served")


class Counted(httpx2.AsyncBaseTransport):
    """The authorization server, and every form that was sent to it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.forms: list[dict[str, str]] = []
        self.clients: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        if request.url.path == "/token":
            self.forms.append({name: one for name, (one,) in parse_qs(body.decode()).items()})
            basic = request.headers["authorization"].removeprefix("Basic ")
            self.clients.append(b64decode(basic).decode().partition(":")[0])
        headers = dict(request.headers)
        found = await self._server.http.request(request.method, str(request.url), content=body, headers=headers)
        stream = httpx2.ByteStream(found.content)
        return httpx2.Response(found.status_code, headers=found.headers, stream=stream)


@dataclass
class House:
    server: Server
    counted: Counted
    http: httpx2.AsyncClient
    town: Town
    scribe: Place
    notes: Place
    provider: idp.Provider
    clock: Clock

    def exchanges(self, agent: str = "concierge") -> Exchanges:
        name, _, secret = chain.AGENTS[agent].partition(":")
        policy = Policy(clock=self.clock, uniform=lambda low, _high: low)
        return Exchanges(credentials=ClientSecret(name, secret), http=self.http, policy=policy)

    def enterprise(self, id_token: str | None = None, **changed: Any) -> EnterpriseTokens:
        async def ask() -> str:
            return self.provider.id_token() if id_token is None else id_token

        name, _, secret = PORTAL.partition(":")
        given: dict[str, Any] = {
            "provider": idp.IDP,
            "at_provider": ClientSecret(*idp.AT_IDP),
            "credentials": ClientSecret(name, secret),
            "id_token": ask,
            "http": self.http,
            "policy": Policy(clock=self.clock),
        }
        return EnterpriseTokens(**(given | changed))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    clock, town, provider = Clock(), Town(), idp.Provider()
    async with SqliteState(tmp_path / "state.db", "auth-server", clock=clock) as state:
        world = World(folder=tmp_path, state=Interruptible(state), clock=clock)
        chain.with_agents(world, _both())
        await world.seed()
        async with world.server() as server, httpx2.AsyncClient(transport=town) as http:
            counted = Counted(server)
            town.apps[ISSUER] = counted
            scribe, notes = Place(chain.SCRIBE), Place(NOTES)
            town.build(chain.SCRIBE, scribe)
            town.build("http://localhost:8000", notes)
            town.build(idp.IDP, provider)
            yield House(server, counted, http, town, scribe, notes, provider, clock)


def _both() -> str:
    """The agents, and the provider that is trusted."""
    with_grant = idp.WITH_IDP.removesuffix(idp.TRUST)
    registered = f', "{idp.JWT_BEARER}"]'
    assert registered in with_grant
    line = '    grant_types: [authorization_code, refresh_token]\n    redirect_uris: ["https://portal'
    return chain.WITH_AGENTS.replace(line, line.replace("]", registered, 1), 1) + idp.TRUST


@pytest.mark.requirement("RS-34")
async def test_the_callers_token_becomes_one_for_the_next_resource_with_the_agent_as_actor(house: House) -> None:
    caller = await chain.by_grace(house.server)
    async with house.exchanges() as exchanges:
        token = await exchanges.of(caller, expires_in=600).fetch(chain.SCRIBE, ("agent:save",))
    claims = await chain.claims_in(house.server, token.access_token)
    assert (claims["sub"], claims["aud"], chain.chain_of(claims)) == ("u-grace", chain.SCRIBE, ["client:concierge"])
    assert (token.resource, token.scopes, token.client_id) == (chain.SCRIBE, {"agent:save"}, "concierge")
    assert house.counted.clients == ["concierge"]
    assert caller not in repr(exchanges.of(caller)) + repr(token)


@pytest.mark.requirement("RS-34")
async def test_requests_for_a_caller_carry_the_exchanged_token_and_never_the_callers(house: House) -> None:
    caller = await chain.by_grace(house.server)
    async with house.exchanges() as exchanges:
        auth = TokenAuth(exchanges.of(caller), resource=chain.SCRIBE, scopes=("agent:ask",))
        async with httpx2.AsyncClient(transport=house.town, auth=auth) as client:
            for _ in range(3):
                assert (await client.get(chain.SCRIBE)).text == "served"
    assert len(set(house.scribe.tokens)) == 1
    assert caller not in house.scribe.tokens
    assert len(house.counted.forms) == 1


async def test_many_who_ask_at_once_make_one_exchange(house: House) -> None:
    caller = await chain.by_operator(house.server)
    async with house.exchanges() as exchanges:
        found = await asyncio.gather(*(exchanges.of(caller).fetch(chain.SCRIBE, ("agent:ask",)) for _ in range(20)))
    assert len(house.counted.forms) == 1
    assert len(set(map(id, found))) == 1


async def test_no_caller_gets_anothers_token_nor_the_agents_own(house: House) -> None:
    grace, operator = await chain.by_grace(house.server), await chain.by_operator(house.server)
    name, _, secret = chain.AGENTS["concierge"].partition(":")
    async with house.exchanges() as exchanges:
        ours = Tokens(credentials=ClientSecret(name, secret), http=house.http, policy=exchanges.policy)
        async with ours:
            found = [
                await exchanges.of(grace).fetch(chain.SCRIBE, ("agent:ask",)),
                await exchanges.of(operator).fetch(chain.SCRIBE, ("agent:ask",)),
                await ours.fetch(chain.SCRIBE, ("agent:ask",)),
                await exchanges.of(grace).fetch(chain.SCRIBE, ("agent:save",)),
            ]
            again = await exchanges.of(grace).fetch(chain.SCRIBE, ("agent:ask",))
    claims = [await chain.claims_in(house.server, token.access_token) for token in found]
    assert [said["sub"] for said in claims] == ["u-grace", "client:operator", "client:concierge", "u-grace"]
    assert ["act" in said for said in claims] == [True, True, False, True]
    assert again is found[0]


async def test_nothing_is_kept_longer_than_the_caller_may_call(house: House) -> None:
    caller = await chain.by_operator(house.server)
    async with house.exchanges() as exchanges:
        delegated = exchanges.of(caller, expires_in=100)
        token = await delegated.fetch(chain.SCRIBE, ("agent:ask",))
        assert token.expires_at == house.clock.now + 100
        house.clock.now += 99
        await delegated.fetch(chain.SCRIBE, ("agent:ask",))
        assert len(house.counted.forms) == 2
        house.clock.now += 1
        with pytest.raises(SubjectEnded, match="expired"):
            await delegated.fetch(chain.SCRIBE, ("agent:ask",))
    assert len(house.counted.forms) == 2


async def test_a_refusal_is_told_without_the_callers_token(house: House) -> None:
    caller = await chain.by_operator(house.server, "agent:ask")
    async with house.exchanges() as exchanges:
        with pytest.raises(TokenRefused, match="does not go so far") as refused:
            await exchanges.of(caller).fetch(chain.SCRIBE, ("agent:save",))
    assert refused.value.error == "invalid_scope"
    assert caller not in str(refused.value)


@pytest.mark.requirement("CL-34", "CL-35", "CL-36", "CL-37")
async def test_an_id_token_becomes_an_id_jag_and_that_a_token_of_the_resources_server(house: House) -> None:
    async with house.enterprise() as tokens:
        token = await tokens.fetch(NOTES, ("mcp:read",))
        assert await tokens.fetch(NOTES, ("mcp:read",)) is token
    (asked,) = house.provider.forms
    assert asked["grant_type"] == chain.EXCHANGE
    assert (asked["audience"], asked["resource"], asked["scope"]) == (ISSUER, NOTES, "mcp:read")
    assert (asked["requested_token_type"], asked["subject_token_type"]) == (idp.ID_JAG, idp.ID_TOKEN)
    (redeemed,) = house.counted.forms
    assert sorted(redeemed) == ["assertion", "grant_type"]
    assert house.counted.clients == ["portal"]
    claims = await chain.claims_in(house.server, token.access_token)
    assert (claims["aud"], claims["client_id"], claims["scope"]) == (NOTES, "portal", "mcp:read")


@pytest.mark.requirement("CL-37")
async def test_requests_by_way_of_the_provider_are_served(house: House) -> None:
    async with house.enterprise() as tokens:
        auth = TokenAuth(tokens, resource=NOTES, scopes=("mcp:read",))
        async with httpx2.AsyncClient(transport=house.town, auth=auth) as client:
            assert (await client.get(NOTES)).text == "served"


@pytest.mark.parametrize(
    "changed",
    [
        {"token_type": "Bearer"},
        {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"},
        {"access_token": ""},
    ],
)
async def test_what_is_no_id_jag_is_never_sent_on(house: House, changed: dict[str, str]) -> None:
    house.provider.answer = changed
    async with house.enterprise() as tokens:
        with pytest.raises(BadTokenAnswer, match="no ID-JAG"):
            await tokens.fetch(NOTES, ("mcp:read",))
    assert house.counted.forms == []


async def test_without_an_id_token_nobody_is_asked(house: House) -> None:
    async with house.enterprise("") as tokens:
        with pytest.raises(CredentialsUnusable, match="sign in"):
            await tokens.fetch(NOTES, ("mcp:read",))
    assert house.provider.forms == []
