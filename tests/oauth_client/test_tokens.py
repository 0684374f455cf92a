import asyncio
import contextlib

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from oauth_client import BadTokenAnswer, ClientSecret, OAuthClientError, Token, TokenRefused, Tokens, Unreachable
from tests.oauth_client.town import CLIENT, ISSUER, RESOURCE, SECRET, World


async def test_a_token_is_asked_for_once_and_kept_per_resource_and_scopes(world: World) -> None:
    async with world.tokens() as tokens:
        read = await tokens.fetch(RESOURCE, ("mcp:read",))
        assert await tokens.fetch(RESOURCE, ["mcp:read", "mcp:read"]) is read
        write = await tokens.fetch(RESOURCE, ("mcp:write", "mcp:read"))
        assert await tokens.fetch(RESOURCE, ("mcp:read", "mcp:write")) is write
    assert [form["scope"] for form in world.server.forms] == ["mcp:read", "mcp:read mcp:write"]
    assert (read.issuer, read.resource, read.client_id) == (ISSUER, RESOURCE, "agent 7")
    assert (read.obtained_at, read.expires_at) == (1000, 1600)
    assert write.scopes == {"mcp:read", "mcp:write"}


async def test_fifty_callers_at_expiry_make_one_token_request(world: World) -> None:
    async with world.tokens() as tokens:
        await tokens.fetch(RESOURCE)
        world.clock.now += 600
        found = await asyncio.gather(*(tokens.fetch(RESOURCE) for _ in range(50)))
    assert len(world.server.forms) == 2
    assert len(set(map(id, found))) == 1


async def test_a_token_near_its_end_is_renewed_while_nobody_waits(world: World) -> None:
    async with world.tokens() as tokens:
        first = await tokens.fetch(RESOURCE)
        world.clock.now += 479
        assert await tokens.fetch(RESOURCE) is first
        await _settle()
        assert len(world.server.forms) == 1
        world.clock.now += 1
        world.server.gate = asyncio.Event()
        assert await asyncio.gather(*(tokens.fetch(RESOURCE) for _ in range(20))) == [first] * 20
        await _settle()
        assert len(world.server.forms) == 2
        world.server.gate.set()
        await _settle()
        second = await tokens.fetch(RESOURCE)
    assert second is not first
    assert len(world.server.forms) == 2


async def test_renewals_are_spread_by_chance(world: World) -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return 0.5

    async with world.tokens(uniform=uniform) as tokens:
        await tokens.fetch(RESOURCE)
        world.clock.now += 301
        await tokens.fetch(RESOURCE)
        await _settle()
    assert asked == [(0.7, 0.9)] * 2


async def test_a_failed_early_renewal_leaves_the_good_token_in_use_and_rests_before_it_tries_again(
    world: World,
) -> None:
    async with world.tokens() as tokens:
        first = await tokens.fetch(RESOURCE)
        world.clock.now += 500
        world.server.override = lambda: Response(status_code=503)
        for _ in range(3):
            assert await tokens.fetch(RESOURCE) is first
            await _settle()
        assert len(world.server.forms) == 2
        world.clock.now += 1.1
        world.server.override = lambda: None
        assert await tokens.fetch(RESOURCE) is first
        await _settle()
        assert await tokens.fetch(RESOURCE) is not first


async def test_a_token_is_not_sent_in_its_last_seconds(world: World) -> None:
    async with world.tokens() as tokens:
        first = await tokens.fetch(RESOURCE)
        world.clock.now += 594.9
        assert await tokens.fetch(RESOURCE) is first
        world.clock.now += 0.2
        assert await tokens.fetch(RESOURCE) is not first


async def test_a_short_lived_token_is_used_for_most_of_its_life(world: World) -> None:
    world.server.lifetime = 10
    async with world.tokens() as tokens:
        first = await tokens.fetch(RESOURCE)
        world.clock.now += 8.9
        assert await tokens.fetch(RESOURCE) is first


async def test_a_cancelled_first_caller_does_not_take_the_others_along(world: World) -> None:
    world.server.gate = asyncio.Event()
    async with world.tokens() as tokens:
        await tokens.find(RESOURCE)
        first = asyncio.create_task(tokens.fetch(RESOURCE))
        await _settle()
        others = [asyncio.create_task(tokens.fetch(RESOURCE)) for _ in range(5)]
        await _settle()
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        assert first.cancelled()
        world.server.gate.set()
        found = await asyncio.gather(*others)
    assert len(set(map(id, found))) == 1
    assert len(world.server.forms) == 1


async def test_a_cancelled_only_caller_leaves_its_token_for_the_next(world: World) -> None:
    world.server.gate = asyncio.Event()
    async with world.tokens() as tokens:
        await tokens.find(RESOURCE)
        only = asyncio.create_task(tokens.fetch(RESOURCE))
        await _settle()
        only.cancel()
        world.server.gate.set()
        await _settle()
        await tokens.fetch(RESOURCE)
    assert len(world.server.forms) == 1


async def test_a_failure_is_shared_by_those_who_wait_and_forgotten_after_a_moment(world: World) -> None:
    world.server.override = lambda: JSONResponse({"error": "server_error"}, 500)
    async with world.tokens() as tokens:
        found = await asyncio.gather(*(tokens.fetch(RESOURCE) for _ in range(10)), return_exceptions=True)
        assert all(isinstance(one, TokenRefused) for one in found)
        world.clock.now += 0.9
        with pytest.raises(TokenRefused, match="500 server_error"):
            await tokens.fetch(RESOURCE)
        assert len(world.server.forms) == 1
        world.server.override = lambda: None
        world.clock.now += 0.2
        assert await tokens.fetch(RESOURCE)
    assert len(world.server.forms) == 2


async def test_a_forgotten_token_is_not_handed_out_again_but_a_newer_one_is(world: World) -> None:
    async with world.tokens() as tokens:
        first = await tokens.fetch(RESOURCE)
        tokens.forget(first)
        second = await tokens.fetch(RESOURCE)
        tokens.forget(first)
        assert await tokens.fetch(RESOURCE) is second
    assert first is not second


async def test_no_more_tokens_and_resources_are_remembered_than_allowed(world: World) -> None:
    async with world.tokens(capacity=2) as tokens:
        for number in range(4):
            world.resource.identifier = f"{RESOURCE}/{number}"
            world.server.resources.add(world.resource.identifier)
            world.resource.documents[f"/.well-known/oauth-protected-resource/mcp/{number}"] = world.resource.metadata()
            await tokens.fetch(world.resource.identifier)
        assert [number for number in range(4) if tokens.known(f"{RESOURCE}/{number}")] == [2, 3]
        asked = len(world.server.forms)
        for number in (3, 2):
            await tokens.fetch(f"{RESOURCE}/{number}")
        assert len(world.server.forms) == asked
        await tokens.fetch(f"{RESOURCE}/1")
        assert len(world.server.forms) == asked + 1


async def test_metadata_is_looked_at_again_when_it_is_old(world: World) -> None:
    async with world.tokens() as tokens:
        await tokens.fetch(RESOURCE)
        world.clock.now += 3599
        await tokens.fetch(RESOURCE)
        assert world.town.count("oauth-protected-resource") == 1
        world.clock.now += 1
        await tokens.fetch(RESOURCE)
        assert world.town.count("oauth-protected-resource") == 2


async def test_a_closed_manager_says_so_to_those_who_wait(world: World) -> None:
    world.server.gate = asyncio.Event()
    tokens = world.tokens()
    await tokens.find(RESOURCE)
    waiting = asyncio.create_task(tokens.fetch(RESOURCE))
    await _settle()
    await tokens.aclose()
    with pytest.raises(OAuthClientError, match="closed"):
        await waiting


def _json(**members: object) -> JSONResponse:
    return JSONResponse({"access_token": "opaque", "token_type": "Bearer", "expires_in": 60} | members)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (_json(token_type="mac"), "token_type is 'mac'"),
        (_json(token_type=None), "token_type is ''"),
        (_json(access_token=""), "access_token is missing"),
        (_json(access_token=["x"]), "access_token is missing"),
        (_json(access_token="a b"), "not a header value"),
        (_json(access_token="a\r\nX-Evil: 1"), "not a header value"),
        (_json(expires_in="60"), "expires_in"),
        (_json(expires_in=0), "expires_in"),
        (_json(expires_in=-5), "expires_in"),
        (_json(expires_in=True), "expires_in"),
        (_json(expires_in=1.5), "expires_in"),
        (PlainTextResponse("<html>"), "200 with a body that is not JSON"),
        (PlainTextResponse("bad gateway", 502), "502 with a body that is not JSON"),
        (JSONResponse(["x"]), "JSON that is no object"),
        (PlainTextResponse("[" * 100_000), "not JSON"),
        (PlainTextResponse("x" * 2_000_000), "larger than"),
        (RedirectResponse("https://evil.example/token"), "redirects are not followed"),
    ],
)
async def test_an_answer_that_is_no_token_is_refused_with_its_reason(world: World, answer: Response, why: str) -> None:
    world.server.override = lambda: answer
    async with world.tokens() as tokens:
        with pytest.raises(BadTokenAnswer, match=why):
            await tokens.fetch(RESOURCE)
    assert world.town.count("evil.example") == 0


async def test_bearer_may_be_written_in_any_case(world: World) -> None:
    world.server.token_type = "bEARER"
    async with world.tokens() as tokens:
        assert await tokens.fetch(RESOURCE)


async def test_a_token_without_a_lifetime_is_taken_to_be_short_lived(world: World) -> None:
    world.server.lifetime = None
    async with world.tokens() as tokens:
        token = await tokens.fetch(RESOURCE)
    assert token.expires_at - token.obtained_at == 60


async def test_the_scopes_that_were_granted_are_recorded_not_those_that_were_asked_for(world: World) -> None:
    world.server.grants = lambda asked: asked - {"mcp:write"}
    async with world.tokens() as tokens:
        token = await tokens.fetch(RESOURCE, ("mcp:read", "mcp:write"))
    assert token.scopes == {"mcp:read"}


async def test_a_refusal_never_repeats_what_was_sent_in_confidence(world: World) -> None:
    world.server.secrets = ["another"]
    async with world.tokens(ClientSecret(CLIENT, SECRET, "client_secret_post")) as tokens:
        with pytest.raises(TokenRefused) as caught:
            await tokens.fetch(RESOURCE)
    assert SECRET not in str(caught.value)
    assert caught.value.error == "invalid_client"
    assert caught.value.status == 401
    assert caught.value.description.startswith("said no to")


async def test_a_refusal_with_a_monstrous_description_is_cut_and_cleaned(world: World) -> None:
    world.server.override = lambda: JSONResponse({"error": "e\nvil", "error_description": "\x1b[31m" + "x" * 5000}, 400)
    async with world.tokens() as tokens:
        with pytest.raises(TokenRefused) as caught:
            await tokens.fetch(RESOURCE)
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


async def test_a_token_endpoint_that_hangs_is_given_up_in_time(world: World) -> None:
    world.server.gate = asyncio.Event()
    async with world.tokens(timeout=0.5) as tokens:
        with pytest.raises(Unreachable, match=r"nothing within 0\.5 s"):
            await tokens.fetch(RESOURCE)


async def test_tokens_and_secrets_stay_out_of_every_repr(world: World) -> None:
    async with world.tokens() as tokens:
        token = await tokens.fetch(RESOURCE)
    assert isinstance(token, Token)
    assert isinstance(tokens, Tokens)
    assert token.access_token not in repr(token)


async def _settle() -> None:
    for _ in range(60):
        await asyncio.sleep(0)
