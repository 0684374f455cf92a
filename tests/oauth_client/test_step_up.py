import asyncio

import httpx2
import pytest
from starlette.responses import Response

from oauth_client import InsufficientScope, TokenAuth, TokenRefused, Tokens
from oauth_client.operation import operation_of
from tests.oauth_client.town import RESOURCE, World


async def _call(client: httpx2.AsyncClient, tool: str) -> httpx2.Response:
    return await client.post(RESOURCE, json={}, headers={"Mcp-Method": "tools/call", "Mcp-Name": tool})


def _auth(tokens: Tokens, **choices: object) -> TokenAuth:
    return TokenAuth(tokens, resource=RESOURCE, **choices)  # type: ignore[arg-type]


@pytest.mark.requirement("CL-28")
async def test_the_scope_of_the_challenge_is_what_is_asked_for(world: World) -> None:
    world.resource.extra = {"scopes_supported": ["mcp:read", "mcp:write", "mcp:delete"]}
    async with world.tokens() as tokens, world.client(_auth(tokens, scopes=("mcp:write",))) as client:
        await client.get(RESOURCE)
    assert world.last_scope() == "mcp:read"


@pytest.mark.requirement("CL-28")
async def test_without_a_challenged_scope_the_configured_ones_are_asked_for(world: World) -> None:
    world.resource.baseline = ""
    world.resource.extra = {"scopes_supported": ["mcp:read", "mcp:write"]}
    async with world.tokens() as tokens, world.client(_auth(tokens, scopes=("mcp:write",))) as client:
        await client.get(RESOURCE)
    assert world.last_scope() == "mcp:write"


@pytest.mark.requirement("CL-28")
async def test_without_either_all_supported_scopes_are_asked_for(world: World) -> None:
    world.resource.baseline = ""
    world.resource.extra = {"scopes_supported": ["mcp:read", "mcp:write"]}
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        await client.get(RESOURCE)
    assert world.last_scope() == "mcp:read mcp:write"


@pytest.mark.requirement("CL-28", "CM-05")
async def test_without_any_scope_the_request_has_no_scope_parameter(world: World) -> None:
    world.resource.baseline = ""
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        assert (await client.get(RESOURCE)).status_code == 200
        assert world.last_scope() is None
        assert await _call(client, "write")
    assert world.last_scope() == "mcp:read mcp:write"


@pytest.mark.requirement("CL-27")
async def test_a_challenged_scope_counts_even_if_the_metadata_does_not_know_it(world: World) -> None:
    world.resource.extra = {"scopes_supported": ["mcp:read"]}
    world.resource.baseline = "mcp:delete"
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        await client.get(RESOURCE)
    assert world.last_scope() == "mcp:delete"


@pytest.mark.requirement("CL-29", "CM-01")
async def test_a_step_up_asks_for_all_scopes_so_far_and_the_new_one(world: World) -> None:
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        assert (await _call(client, "write")).status_code == 200
        assert (await _call(client, "delete")).status_code == 200
        assert (await _call(client, "read")).status_code == 200
    asked = [form["scope"] for form in world.server.forms]
    assert asked == ["mcp:read", "mcp:read mcp:write", "mcp:delete mcp:read mcp:write"]


@pytest.mark.requirement("CL-30")
async def test_upgrades_end_after_two_and_the_failure_is_remembered(world: World) -> None:
    wanted = iter(f"scope-{number}" for number in range(100))
    world.server.scopes |= {f"scope-{number}" for number in range(100)}
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        await _call(client, "read")
        before = len(world.resource.tokens)
        world.resource.always = lambda: world.resource.challenge(403, error="insufficient_scope", scope=next(wanted))
        with pytest.raises(InsufficientScope, match="tools/call write needs scope scope-2"):
            await _call(client, "write")
        assert len(world.resource.tokens) - before == 3
        asked = len(world.server.forms)
        with pytest.raises(InsufficientScope, match="did not help before"):
            await _call(client, "write")
        assert len(world.server.forms) == asked
        world.clock.now += 301
        with pytest.raises(InsufficientScope):
            await _call(client, "write")
        assert len(world.server.forms) == asked + 2


@pytest.mark.requirement("CL-30")
async def test_upgrades_are_counted_per_operation(world: World) -> None:
    world.server.scopes.discard("mcp:delete")
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        with pytest.raises(InsufficientScope, match="invalid_scope"):
            await _call(client, "delete")
        assert (await _call(client, "write")).status_code == 200
        with pytest.raises(InsufficientScope, match="did not help before"):
            await _call(client, "delete")


@pytest.mark.requirement("CL-30")
async def test_an_operation_that_went_through_may_step_up_again(world: World) -> None:
    world.server.scopes |= {f"s{number}" for number in range(9)}
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        for number in range(5):
            world.resource.needs["write"] = f"s{number}"
            assert (await _call(client, "write")).status_code == 200


async def test_a_refused_scope_does_not_spoil_the_scopes_there_were(world: World) -> None:
    world.server.scopes.discard("mcp:delete")
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        with pytest.raises(InsufficientScope):
            await _call(client, "delete")
        world.clock.now += 700
        assert (await _call(client, "read")).status_code == 200
    assert world.last_scope() == "mcp:read"


async def test_a_server_that_grants_no_more_ends_the_step_up_without_another_try(world: World) -> None:
    world.server.grants = lambda _: frozenset({"mcp:read"})
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        with pytest.raises(InsufficientScope, match="grants no more") as caught:
            await _call(client, "write")
    assert caught.value.needed == {"mcp:write"}
    assert caught.value.granted == {"mcp:read"}
    assert len(world.resource.tokens) == 2


async def test_a_refusal_that_is_not_about_scope_stays_what_it_is(world: World) -> None:
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        await _call(client, "read")
        world.server.override = lambda: Response('{"error": "invalid_target"}', 400)
        with pytest.raises(TokenRefused, match="invalid_target"):
            await _call(client, "write")


@pytest.mark.parametrize(
    ("scope", "why"), [("", "does not name the scope"), ("mcp:read", "carries what the server asks for")]
)
async def test_a_demand_that_no_token_can_meet_ends_at_once(world: World, scope: str, why: str) -> None:
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        await client.get(RESOURCE)
        world.resource.always = lambda: world.resource.challenge(403, error="insufficient_scope", scope=scope)
        with pytest.raises(InsufficientScope, match=why):
            await client.get(RESOURCE)
    assert len(world.server.forms) == 1


async def test_nothing_beyond_the_ceiling_is_ever_asked_for(world: World) -> None:
    async with world.tokens() as tokens, world.client(_auth(tokens, ceiling=("mcp:read", "mcp:write"))) as client:
        assert (await _call(client, "write")).status_code == 200
        with pytest.raises(InsufficientScope, match="never to ask for mcp:delete"):
            await _call(client, "delete")
        world.resource.baseline = "mcp:delete mcp:read"
        world.server.issued.clear()
        world.clock.now += 10
        await client.get(RESOURCE)
    assert all("delete" not in form["scope"] for form in world.server.forms)


async def test_what_was_granted_beyond_the_ceiling_is_not_asked_for_again(world: World) -> None:
    world.server.grants = lambda asked: asked | {"mcp:delete"}
    async with world.tokens() as tokens, world.client(_auth(tokens, ceiling=("mcp:read", "mcp:write"))) as client:
        await _call(client, "write")
    assert world.last_scope() == "mcp:read mcp:write"


async def test_a_ceiling_that_leaves_nothing_asks_for_nothing(world: World) -> None:
    async with world.tokens() as tokens, world.client(_auth(tokens, ceiling=("agent:ask",))) as client:
        with pytest.raises(InsufficientScope, match="never to ask for these"):
            await client.get(RESOURCE)
    assert world.server.forms == []


async def test_under_a_ceiling_the_server_is_not_left_to_choose(world: World) -> None:
    world.resource.baseline = ""
    async with world.tokens() as tokens, world.client(_auth(tokens, ceiling=("mcp:read",))) as client:
        await client.get(RESOURCE)
    assert world.last_scope() == "mcp:read"


async def test_a_403_of_another_kind_is_the_callers(world: World) -> None:
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        await client.get(RESOURCE)
        world.resource.always = lambda: world.resource.challenge(403, error="access_denied")
        assert (await client.get(RESOURCE)).status_code == 403
    assert len(world.server.forms) == 1


async def test_a_renewed_token_keeps_the_scopes_of_the_step_up(world: World) -> None:
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        await _call(client, "write")
        world.server.issued.clear()
        world.clock.now += 10
        assert (await _call(client, "write")).status_code == 200
    assert [form["scope"] for form in world.server.forms][2:] == ["mcp:read mcp:write"]


async def test_steps_taken_side_by_side_end_in_one_token_for_all(world: World) -> None:
    async with world.tokens() as tokens, world.client(_auth(tokens)) as client:
        await client.get(RESOURCE)
        answers = await asyncio.gather(_call(client, "write"), _call(client, "delete"), _call(client, "read"))
        assert {answer.status_code for answer in answers} == {200}
        await client.get(RESOURCE)
    assert world.last_scope() == "mcp:delete mcp:read mcp:write"


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (httpx2.Request("POST", RESOURCE, json={"method": "tools/call", "params": {"name": "w"}}), "tools/call w"),
        (httpx2.Request("POST", RESOURCE, json={"method": "tools/list"}), "tools/list"),
        (httpx2.Request("POST", RESOURCE, json=[1]), "POST /mcp"),
        (httpx2.Request("POST", RESOURCE, json={"method": 7, "params": 8}), "POST /mcp"),
        (httpx2.Request("POST", RESOURCE, content="{", headers={"content-type": "application/json"}), "POST /mcp"),
        (httpx2.Request("POST", RESOURCE, json={"method": "x" * 70_000}), "POST /mcp"),
        (httpx2.Request("GET", RESOURCE), "GET /mcp"),
        (httpx2.Request("GET", RESOURCE, headers={"Mcp-Method": "tools/call", "Mcp-Name": "n"}), "tools/call n"),
    ],
)
def test_an_operation_is_named_by_its_tool_where_there_is_one(request_: httpx2.Request, name: str) -> None:
    assert operation_of(request_) == name
