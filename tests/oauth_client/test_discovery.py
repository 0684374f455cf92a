import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from oauth_client import (
    AddressRefused,
    DiscoveryFailed,
    IssuerChanged,
    IssuerMismatch,
    IssuerNotListed,
    MethodNotOffered,
    OAuthClientError,
    ResourceMismatch,
    TokenAuth,
)
from tests.oauth_client.town import ISSUER, RESOURCE, AuthServer, Resource, World

INSERTED = "/.well-known/oauth-protected-resource/mcp"
ROOT = "/.well-known/oauth-protected-resource"
OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


async def _first_request(world: World, **choices: object) -> int:
    tokens = world.tokens(**choices)  # type: ignore[arg-type]
    async with tokens, world.client(TokenAuth(tokens, resource=RESOURCE)) as client:
        return (await client.get(RESOURCE)).status_code


def _asked(world: World, part: str) -> list[str]:
    return [asked.removeprefix("GET ") for asked in world.town.asked if part in asked]


@pytest.mark.requirement("CL-03")
async def test_the_challenges_url_is_used_when_there_is_one(world: World) -> None:
    world.resource.metadata_url = "https://notes.example/elsewhere/.well-known/meta"
    assert await _first_request(world) == 200
    assert _asked(world, ".well-known/meta") == [world.resource.metadata_url]
    assert _asked(world, "oauth-protected-resource") == []


@pytest.mark.requirement("CL-03")
async def test_without_it_the_path_form_is_tried_and_then_the_root_form(world: World) -> None:
    world.resource.says_where = False
    world.resource.documents = {ROOT: world.resource.metadata()}
    assert await _first_request(world) == 200
    assert _asked(world, "oauth-protected") == [f"https://notes.example{INSERTED}", f"https://notes.example{ROOT}"]


@pytest.mark.requirement("CL-03")
async def test_a_challenge_that_points_at_nothing_leaves_the_well_known_places(world: World) -> None:
    world.resource.metadata_url = "https://notes.example/.well-known/gone"
    world.resource.documents = {INSERTED: world.resource.metadata()}
    assert await _first_request(world) == 200


@pytest.mark.requirement("CL-03")
async def test_explicit_discovery_asks_the_well_known_places_and_then_the_resource_itself(world: World) -> None:
    world.resource.metadata_url = "https://notes.example/.well-known/odd"
    async with world.tokens() as tokens:
        assert (await tokens.fetch(RESOURCE, ("mcp:read",))).resource == RESOURCE
    assert _asked(world, "notes.example") == [
        f"https://notes.example{INSERTED}",
        f"https://notes.example{ROOT}",
        RESOURCE,
        "https://notes.example/.well-known/odd",
    ]


@pytest.mark.requirement("CL-02")
async def test_only_a_401_is_a_challenge_that_discovery_starts_from(world: World) -> None:
    world.resource.metadata_url = "https://notes.example/.well-known/odd"
    world.resource.always = lambda: world.resource.challenge(403)
    async with world.tokens() as tokens:
        with pytest.raises(DiscoveryFailed):
            await tokens.fetch(RESOURCE)
    assert _asked(world, "odd") == []


async def test_explicit_discovery_of_a_server_without_metadata_says_where_it_looked(world: World) -> None:
    world.resource.documents = {"/x": {}}
    world.resource.says_where = False
    async with world.tokens() as tokens:
        with pytest.raises(DiscoveryFailed) as caught:
            await tokens.fetch(RESOURCE)
    assert [place for place, _ in caught.value.tried] == [
        f"https://notes.example{INSERTED}",
        f"https://notes.example{ROOT}",
    ]


@pytest.mark.requirement("CL-04")
@pytest.mark.parametrize(
    ("found", "why"),
    [
        (f"{RESOURCE}/", "trailing slash"),
        ("https://notes.example", "from character 22 on"),
        ("https://Notes.example/mcp", "from character 9 on: 'notes"),
        ("https://notes.example:443/mcp", "from character 22 on"),
        ("https://evil.example/mcp", "evil.example"),
        ("", "is for resource ''"),
        (None, "is for resource ''"),
        ([RESOURCE], "is for resource ''"),
    ],
)
async def test_a_document_about_another_resource_is_dropped(world: World, found: object, why: str) -> None:
    world.resource.extra = {"resource": found}
    with pytest.raises(ResourceMismatch, match=why) as caught:
        await _first_request(world)
    assert caught.value.expected == RESOURCE
    assert caught.value.where == world.resource.metadata_url
    assert world.server.forms == []


@pytest.mark.requirement("CL-04")
@pytest.mark.parametrize("named", [RESOURCE, "https://notes.example", "https://notes.example/"])
async def test_the_root_document_may_name_the_origin_and_then_that_is_what_the_token_is_for(
    world: World, named: str
) -> None:
    world.resource.says_where = False
    world.resource.identifier = named
    world.server.resources = {named}
    world.resource.documents = {ROOT: world.resource.metadata()}
    assert await _first_request(world) == 200
    assert world.server.forms[-1]["resource"] == named


@pytest.mark.requirement("CL-04")
async def test_the_path_document_may_not_name_the_origin(world: World) -> None:
    world.resource.says_where = False
    world.resource.extra = {"resource": "https://notes.example"}
    with pytest.raises(ResourceMismatch):
        await _first_request(world)


@pytest.mark.requirement("CL-01")
@pytest.mark.parametrize("listed", [[], None, "https://as.example", [7]])
async def test_a_resource_that_names_no_authorization_server_gets_no_guess(world: World, listed: object) -> None:
    world.resource.extra = {"authorization_servers": listed}
    world.town.build("https://notes.example:443", world.server)
    with pytest.raises(DiscoveryFailed, match="authorization_servers is empty"):
        await _first_request(world)
    assert world.server.forms == []


@pytest.mark.requirement("CL-05")
async def test_the_first_listed_issuer_that_works_is_taken(world: World) -> None:
    world.resource.issuers = ["https://away.example", "http://as.example", "https://as.example/?q", ISSUER]
    assert await _first_request(world) == 200


@pytest.mark.requirement("CL-05", "CL-31")
async def test_an_issuer_whose_token_endpoint_lies_inside_leaves_it_to_the_next(world: World) -> None:
    other = AuthServer(clock=world.clock, issuer="https://other.example", extra={"token_endpoint": "https://10.1.2.3/"})
    world.town.build("https://other.example", other)
    world.resource.issuers = [other.issuer, ISSUER]
    assert await _first_request(world) == 200


async def test_an_issuer_with_a_query_is_none_even_if_its_metadata_agrees(world: World) -> None:
    world.resource.issuers = [f"{ISSUER}?tenant=1"]
    world.server.extra = {"issuer": f"{ISSUER}?tenant=1"}
    with pytest.raises(DiscoveryFailed, match="neither query nor fragment"):
        await _first_request(world)


@pytest.mark.requirement("CL-05")
async def test_when_none_works_each_is_named_with_its_reason(world: World) -> None:
    world.resource.issuers = ["https://away.example", "http://as.example"]
    with pytest.raises(DiscoveryFailed) as caught:
        await _first_request(world)
    assert [place for place, _ in caught.value.tried] == world.resource.issuers
    assert "only https" in str(caught.value)
    assert "nobody lives at away.example" in str(caught.value)


@pytest.mark.requirement("CL-05")
async def test_a_pinned_issuer_is_taken_wherever_it_stands_in_the_list(world: World) -> None:
    other = AuthServer(clock=world.clock, issuer="https://other.example")
    world.town.build("https://other.example", other)
    world.resource.issuers = ["https://other.example", ISSUER]
    assert await _first_request(world, issuer=ISSUER) == 200
    assert other.forms == []


@pytest.mark.requirement("CL-05")
async def test_a_pinned_issuer_that_is_not_listed_ends_it_and_the_slash_is_pointed_out(world: World) -> None:
    world.resource.issuers = [f"{ISSUER}/", "https://other.example"]
    with pytest.raises(IssuerNotListed, match="differ only in a trailing slash") as caught:
        await _first_request(world, issuer=ISSUER)
    assert caught.value.listed == tuple(world.resource.issuers)
    assert world.server.forms == []


@pytest.mark.requirement("CL-05", "CL-13")
async def test_credentials_used_at_one_issuer_are_not_offered_to_another_resources_issuer(world: World) -> None:
    other = AuthServer(clock=world.clock, issuer="https://other.example")
    world.town.build("https://other.example", other)
    second = Resource(
        server=other,
        identifier="https://clock.example/mcp",
        issuers=["https://other.example"],
        metadata_url="https://clock.example/.well-known/oauth-protected-resource/mcp",
    )
    world.town.build("https://clock.example", second)
    async with world.tokens() as tokens:
        await tokens.fetch(RESOURCE)
        with pytest.raises(IssuerChanged):
            await tokens.fetch(second.identifier)
        second.issuers = ["https://other.example", ISSUER]
        world.server.resources.add(second.identifier)
        world.clock.now += 2
        assert (await tokens.fetch(second.identifier)).issuer == ISSUER
    assert other.forms == []


@pytest.mark.requirement("CL-05")
async def test_two_issuers_found_at_the_same_moment_do_not_both_see_the_credentials(world: World) -> None:
    other = AuthServer(clock=world.clock, issuer="https://other.example")
    world.town.build("https://other.example", other)
    async with world.tokens() as tokens:
        target = await tokens.find(RESOURCE)
        world.resource.issuers = ["https://other.example"]
        second = await tokens.find(RESOURCE, stale=target)
        await tokens.get(target, frozenset())
        with pytest.raises(IssuerChanged):
            await tokens.get(second, frozenset())
    assert other.forms == []


@pytest.mark.requirement("CL-07", "CL-08")
async def test_an_issuer_without_path_is_asked_by_oauth_and_then_by_openid(world: World) -> None:
    world.server.documents = {OPENID: world.server.metadata()}
    assert await _first_request(world) == 200
    assert _asked(world, "as.example/.well") == [f"{ISSUER}{OAUTH}", f"{ISSUER}{OPENID}"]


@pytest.mark.requirement("CL-07", "CL-08")
async def test_an_issuer_with_a_path_is_asked_in_three_places_in_order(world: World) -> None:
    world.server.issuer = f"{ISSUER}/tenant1"
    world.resource.issuers = [world.server.issuer]
    world.server.documents = {f"/tenant1{OPENID}": world.server.metadata()}
    assert await _first_request(world) == 200
    assert _asked(world, ".well-known/o")[1:] == [
        f"{ISSUER}{OAUTH}/tenant1",
        f"{ISSUER}{OPENID}/tenant1",
        f"{ISSUER}/tenant1{OPENID}",
    ]


@pytest.mark.requirement("CL-07")
async def test_the_token_endpoint_is_the_one_in_the_metadata(world: World) -> None:
    world.server.extra = {"token_endpoint": "https://as.example/token?tenant=1"}
    with pytest.raises(AssertionError):  # the strict server of these tests wants no query
        await _first_request(world)
    assert "POST https://as.example/token?tenant=1" in world.town.asked


@pytest.mark.requirement("CL-09")
@pytest.mark.parametrize(
    ("found", "why"),
    [
        (f"{ISSUER}/", "trailing slash"),
        ("https://evil.example", "evil"),
        ("HTTPS://as.example", "character 1 on"),
        (None, "says its issuer is ''"),
    ],
)
async def test_metadata_of_another_issuer_is_refused(world: World, found: object, why: str) -> None:
    world.server.documents = {OAUTH: world.server.metadata() | {"issuer": found}, OPENID: world.server.metadata()}
    with pytest.raises(IssuerMismatch, match=why) as caught:
        await _first_request(world)
    assert caught.value.expected == ISSUER
    assert caught.value.where == f"{ISSUER}{OAUTH}"
    assert world.server.forms == []


@pytest.mark.requirement("CL-09")
async def test_a_listed_issuer_with_a_slash_needs_metadata_with_a_slash(world: World) -> None:
    world.resource.issuers = [f"{ISSUER}/"]
    with pytest.raises(IssuerMismatch, match="trailing slash"):
        await _first_request(world)


async def test_a_server_without_the_grant_is_told_apart_from_one_that_does_not_say(world: World) -> None:
    world.server.extra = {"grant_types_supported": ["authorization_code"]}
    with pytest.raises(MethodNotOffered, match="client_credentials grant, only authorization_code"):
        await _first_request(world)
    world.server.extra = {"grant_types_supported": None}
    assert await _first_request(world) == 200


@pytest.mark.parametrize("endpoint", [None, "", 7])
async def test_a_server_without_a_token_endpoint_is_of_no_use(world: World, endpoint: object) -> None:
    world.server.extra = {"token_endpoint": endpoint}
    with pytest.raises(DiscoveryFailed, match="token_endpoint is missing"):
        await _first_request(world)


@pytest.mark.requirement("CL-31")
@pytest.mark.parametrize(
    "url",
    [
        "http://notes.example/meta",
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/meta",
        "https://[::1]/meta",
        "http://localhost:8500/v1/kv",
        "http://127.0.0.1/meta",
        "https://[::ffff:10.0.0.1]/meta",
        "https://2130706433/meta",
        "https://user:pass@notes.example/meta",
        "file:///etc/passwd",
        "//notes.example/meta",
        "https://notes.example\\@evil.example/",
        "https://notes.example/a b",
    ],
)
async def test_a_challenge_that_leads_inside_is_not_followed(world: World, url: str) -> None:
    world.resource.metadata_url = url
    with pytest.raises(AddressRefused):
        await _first_request(world)
    assert len(world.town.asked) == 1


@pytest.mark.requirement("CL-31")
@pytest.mark.parametrize(
    "issuer", ["http://as.example", "https://192.168.1.1", "http://localhost:9000", "https://[fd00::1]"]
)
async def test_an_issuer_that_lies_inside_is_not_asked(world: World, issuer: str) -> None:
    world.resource.issuers = [issuer]
    with pytest.raises(AddressRefused):
        await _first_request(world)


@pytest.mark.requirement("CL-31")
async def test_a_token_endpoint_that_lies_inside_gets_no_credentials(world: World) -> None:
    world.server.extra = {"token_endpoint": "https://10.1.2.3/token"}
    with pytest.raises(AddressRefused, match="private"):
        await _first_request(world)
    assert world.server.forms == []


@pytest.mark.requirement("CL-31")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_discovery_follows_no_redirect(world: World, status: int) -> None:
    world.resource.says_where = False
    world.resource.documents = {INSERTED: RedirectResponse("https://evil.example/meta", status)}
    with pytest.raises(DiscoveryFailed, match="redirects are not followed"):
        await _first_request(world)
    assert _asked(world, "evil") == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (PlainTextResponse("<html>", 200), r"not JSON \(text/plain"),
        (JSONResponse([]), "no object"),
        (PlainTextResponse("x" * 2_000_000), "larger"),
        (JSONResponse({}, 500), "500"),
    ],
)
async def test_what_is_no_document_is_reported_as_what_it_is(world: World, answer: JSONResponse, why: str) -> None:
    world.resource.documents = {INSERTED: answer}
    with pytest.raises(OAuthClientError, match=why):
        await _first_request(world)


@pytest.mark.requirement("CL-31")
async def test_a_loopback_resource_may_have_a_loopback_authorization_server(world: World) -> None:
    here = "http://localhost:8000/mcp"
    world.server.issuer = "http://localhost:9000"
    world.server.resources = {here}
    world.resource.identifier = here
    world.resource.issuers = [world.server.issuer]
    world.resource.metadata_url = "http://localhost:8000/.well-known/oauth-protected-resource/mcp"
    world.town.build("http://localhost:9000", world.server)
    world.town.build("http://localhost:8000", world.resource)
    async with world.tokens() as tokens:
        assert (await tokens.fetch(here)).issuer == "http://localhost:9000"
    async with world.tokens(allow_loopback=False) as tokens:
        with pytest.raises(AddressRefused, match="allow_loopback"):
            await tokens.fetch(here)
