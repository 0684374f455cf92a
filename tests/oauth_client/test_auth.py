import asyncio
import logging
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.responses import Response

from oauth_client import (
    ClientSecret,
    DiscoveryFailed,
    InvalidResource,
    IssuerChanged,
    OAuthClientError,
    ResourceMismatch,
    TokenAuth,
    TokenRejected,
    Tokens,
    Unreachable,
)
from tests.oauth_client.town import CLIENT, ISSUER, RESOURCE, SECRET, AuthServer, Resource, World


@pytest.mark.requirement("CL-01", "CL-02", "CL-12", "CL-22", "CL-24", "CM-05")
async def test_the_first_request_starts_from_the_refusal_and_ends_with_the_answer(world: World) -> None:
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        response = await client.post(RESOURCE, json={"a": 1})
    assert response.status_code == 200
    assert world.town.asked == [
        f"POST {RESOURCE}",
        "GET https://notes.example/.well-known/oauth-protected-resource/mcp",
        f"GET {ISSUER}/.well-known/oauth-authorization-server",
        f"POST {ISSUER}/token",
        f"POST {RESOURCE}",
    ]
    assert world.resource.bodies == [b'{"a":1}'] * 2
    assert world.server.forms == [{"grant_type": "client_credentials", "resource": RESOURCE, "scope": "mcp:read"}]


@pytest.mark.requirement("CL-24", "CL-25")
async def test_every_later_request_carries_the_token_in_its_header_and_only_there(world: World) -> None:
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        for method in ("POST", "GET", "DELETE", "POST"):
            assert (await client.request(method, RESOURCE)).status_code == 200
    first, *later = world.resource.tokens
    assert first is None
    assert set(later) == set(world.server.issued)
    assert len(world.server.forms) == 1
    token = later[0]
    assert token
    assert not any(token in asked for asked in world.town.asked)


@pytest.mark.requirement("CL-26")
async def test_a_token_goes_to_its_own_resource_and_nowhere_else(world: World) -> None:
    other = Resource(server=world.server, open=True)
    world.town.build("https://evil.example", other)
    world.town.build("http://notes.example", other)
    world.town.build("https://notes.example:8443", other)
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
        for url in ("https://evil.example/mcp", "http://notes.example/mcp", "https://notes.example:8443/mcp"):
            await client.get(url)
    assert other.tokens == [None, None, None]


@pytest.mark.requirement("CL-26")
async def test_a_token_goes_to_no_neighbour_on_the_same_host(world: World) -> None:
    world.resource.open = True
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await tokens.fetch(RESOURCE)
        world.resource.open = False
        await client.get(RESOURCE)
        world.resource.open = True
        world.resource.tokens.clear()
        for path in ("/mcp-other", "/", "/mcp/../admin", "/mcp/%2e%2e/admin", "/mcp/..%2Fadmin"):
            await client.get(f"https://notes.example{path}")
        assert [token for token in world.resource.tokens if token] == []
        await client.get(f"{RESOURCE}/below?x=1")
        assert world.resource.tokens[-1] in world.server.issued


@pytest.mark.requirement("CL-26")
async def test_a_redirect_to_another_origin_takes_no_token_along_and_its_refusal_starts_nothing(world: World) -> None:
    other = Resource(server=world.server)
    world.town.build("https://evil.example", other)
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
        world.resource.always = lambda: Response(status_code=307, headers={"Location": "https://evil.example/mcp"})
        asked = len(world.town.asked)
        response = await client.get(RESOURCE, follow_redirects=True)
    assert response.status_code == 401
    assert other.tokens == [None]
    assert len(world.town.asked) == asked + 2


@pytest.mark.requirement("CL-26")
async def test_a_redirected_request_that_a_caller_sends_on_does_not_keep_the_header(world: World) -> None:
    other = Resource(server=world.server, open=True)
    world.town.build("https://evil.example", other)
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
        sent = client.build_request("GET", RESOURCE)
        await client.send(sent)
        assert "Authorization" in sent.headers
        onward = httpx2.Request("GET", "https://evil.example/mcp", headers=sent.headers, extensions=sent.extensions)
        await client.send(onward)
    assert other.tokens == [None]


@pytest.mark.requirement("CL-06")
async def test_a_token_refused_later_is_replaced_once_and_the_metadata_is_looked_at_again(world: World) -> None:
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
        world.server.issued.clear()
        world.clock.now += 10
        assert (await client.post(RESOURCE, content=b"again")).status_code == 200
    assert world.town.count("oauth-protected-resource") == 2
    assert world.town.count("oauth-authorization-server") == 2
    assert len(world.server.forms) == 2
    assert world.resource.bodies[-2:] == [b"again", b"again"]


@pytest.mark.requirement("CL-05", "CL-06", "CL-13")
async def test_credentials_stay_with_their_issuer_when_the_resource_names_another(world: World) -> None:
    other = AuthServer(clock=world.clock, issuer="https://other.example")
    world.town.build("https://other.example", other)
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
        world.server.issued.clear()
        world.resource.issuers = ["https://other.example"]
        world.clock.now += 10
        with pytest.raises(IssuerChanged) as caught:
            await client.get(RESOURCE)
    assert other.forms == []
    assert caught.value.bound == ISSUER
    assert caught.value.found == ("https://other.example",)
    assert ISSUER in str(caught.value)
    assert "https://other.example" in str(caught.value)


@pytest.mark.requirement("CL-05", "CL-06")
async def test_a_client_that_may_rebind_follows_its_resource_and_leaves_the_old_tokens_behind(world: World) -> None:
    other = AuthServer(clock=world.clock, issuer="https://other.example")
    world.town.build("https://other.example", other)
    tokens = world.tokens(rebind=True)
    async with tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
        world.resource.issuers = ["https://other.example"]
        world.resource.server = other
        world.clock.now += 10
        assert (await client.get(RESOURCE)).status_code == 200
    assert len(other.forms) == 1
    assert world.resource.tokens[-1] in other.issued


async def test_a_new_token_that_is_refused_too_is_not_asked_for_over_and_over(world: World) -> None:
    world.resource.always = lambda: world.resource.challenge(
        401, error="invalid_token", error_description="bad audience"
    )
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        for _ in range(5):
            with pytest.raises(TokenRejected, match="bad audience"):
                await client.get(RESOURCE)
            world.clock.now += 0.1
    assert len(world.server.forms) == 1


async def test_fifty_refused_callers_share_one_renewal(world: World) -> None:
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
        world.server.issued.clear()
        world.clock.now += 10
        answers = await asyncio.gather(*(client.get(RESOURCE) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(world.server.forms) == 2
    assert world.town.count("oauth-protected-resource") == 2


async def test_fifty_first_requests_share_one_discovery_and_one_token(world: World) -> None:
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        answers = await asyncio.gather(*(client.get(RESOURCE) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(world.server.forms) == 1
    assert world.town.count("/.well-known/") == 2


async def test_eight_slow_calls_run_side_by_side(world: World) -> None:
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
        world.resource.meeting = asyncio.Barrier(8)
        async with asyncio.timeout(30):
            answers = await asyncio.gather(*(client.get(RESOURCE) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_body_that_can_be_sent_only_once_gets_its_token_first(world: World) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        response = await client.post(RESOURCE, content=pieces())
        assert response.status_code == 200
        assert world.resource.bodies == [b"one two"]
        world.server.issued.clear()
        world.clock.now += 10
        with pytest.raises(TokenRejected, match="cannot be sent twice"):
            await client.post(RESOURCE, content=pieces())
        assert (await client.post(RESOURCE, content=pieces())).status_code == 200


async def test_a_stream_to_a_server_that_wants_no_token_is_just_sent(world: World) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"open"

    world.resource.open = True
    world.resource.documents = {"/none": {}}
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        assert (await client.post(RESOURCE, content=pieces())).status_code == 200
    assert world.resource.bodies[-1] == b"open"
    assert world.server.forms == []


async def test_a_server_that_wants_no_token_costs_one_request(world: World) -> None:
    world.resource.open = True
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
    assert world.town.asked == [f"GET {RESOURCE}"]


async def test_the_body_of_an_answer_is_left_to_the_caller(world: World) -> None:
    read: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        for piece in range(3):
            read.append(piece)
            yield b"x"

    flow = TokenAuth(world.tokens(), resource=RESOURCE).async_auth_flow(httpx2.Request("GET", RESOURCE))
    request = await anext(flow)
    response = httpx2.Response(200, content=endless(), request=request)
    with pytest.raises(StopAsyncIteration):
        await flow.asend(response)
    assert read == []
    assert not response.is_closed


async def test_an_answering_client_hands_over_the_refusal_with_its_reason(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.resource.identifier = f"{RESOURCE}/"
    auth = TokenAuth(world.tokens(), resource=RESOURCE, on_failure="answer")
    with caplog.at_level(logging.WARNING):
        async with world.client(auth) as client:
            response = await client.get(RESOURCE)
    assert response.status_code == 401
    assert isinstance(response.extensions["oauth_client.error"], ResourceMismatch)
    assert "trailing slash" in caplog.text


async def test_an_answering_client_asks_bare_when_its_token_cannot_be_renewed(world: World) -> None:
    tokens = world.tokens()
    async with tokens, world.client(TokenAuth(tokens, resource=RESOURCE, on_failure="answer")) as client:
        await client.get(RESOURCE)
        world.clock.now += 700
        del world.town.apps[ISSUER]
        response = await client.get(RESOURCE)
        assert response.status_code == 401
        assert isinstance(response.extensions["oauth_client.error"], DiscoveryFailed)
        assert world.resource.tokens[-1] is None
        world.town.build(ISSUER, world.server)
        world.clock.now += 2
        assert (await client.get(RESOURCE)).status_code == 200


async def test_a_server_that_moved_while_nobody_asked_is_found_by_the_next_refusal(world: World) -> None:
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
        world.clock.now += 700
        old, new = world.server, AuthServer(clock=world.clock, issuer="https://new.example")
        world.town.build("https://new.example", new)
        del world.town.apps[ISSUER]
        world.resource.issuers = [new.issuer]
        with pytest.raises(IssuerChanged):
            await client.get(RESOURCE)
        world.resource.issuers = [ISSUER]
        old.extra = {"token_endpoint": "https://as2.example/token"}
        world.town.build(ISSUER, old)
        world.town.build("https://as2.example", old)
        old.override = lambda: Response(status_code=404) if len(old.forms) == 2 else None
        world.clock.now += 2
        assert (await client.get(RESOURCE)).status_code == 200
    assert len(old.forms) == 3
    assert new.forms == []


async def test_a_stream_is_not_wasted_on_a_request_that_cannot_have_its_token(world: World) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"precious"

    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        await client.get(RESOURCE)
        world.clock.now += 700
        del world.town.apps[ISSUER]
        seen = len(world.resource.bodies)
        with pytest.raises(Unreachable):
            await client.post(RESOURCE, content=pieces())
    assert len(world.resource.bodies) == seen


async def test_a_raising_client_says_why_there_is_no_token(world: World) -> None:
    world.resource.documents = {"/nowhere": {}}
    async with world.tokens() as tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        with pytest.raises(DiscoveryFailed, match="404"):
            await client.get(RESOURCE)


def test_a_synchronous_client_is_told_so(world: World) -> None:
    auth = TokenAuth(world.tokens(), resource=RESOURCE)
    with httpx2.Client(auth=auth) as client, pytest.raises(OAuthClientError, match="AsyncClient"):
        client.get(RESOURCE)


@pytest.mark.requirement("CL-23")
@pytest.mark.parametrize(
    "resource",
    ["notes", "https://Notes.example/mcp", "https://u:p@h/mcp", "https://h/mcp#x", "ftp://h/", "HTTPS://h/", ""],
)
def test_a_resource_that_is_no_canonical_url_is_refused(world: World, resource: str) -> None:
    with pytest.raises(InvalidResource):
        TokenAuth(world.tokens(), resource=resource)


@pytest.mark.requirement("ALL-01")
async def test_no_log_line_at_any_level_holds_a_token_or_a_secret(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with world.tokens(ClientSecret(CLIENT, SECRET, "client_secret_post")) as tokens:
            auth = TokenAuth(tokens, resource=RESOURCE)
            async with world.client(auth) as client:
                await client.get(RESOURCE)
            token = await tokens.fetch(RESOURCE)
            world.server.secrets = ["rotated"]
            world.clock.now += 700
            with pytest.raises(OAuthClientError) as caught:
                await tokens.fetch(RESOURCE)
    assert "invalid_client" in str(caught.value)
    said = caplog.text + str(caught.value) + repr(token) + repr(tokens) + repr(auth)
    assert RESOURCE in said
    for confidential in (SECRET, *world.server.issued):
        assert confidential not in said


def test_a_token_manager_needs_no_http_client_of_the_callers(world: World) -> None:
    tokens = Tokens(credentials=ClientSecret(CLIENT, SECRET))
    assert tokens.known(RESOURCE) is None
