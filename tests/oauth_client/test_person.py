"""A person's client: every check of the way through the browser, at servers that keep and that break the rules."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from joserfc import jwk
from starlette.responses import JSONResponse

from oauth_client import (
    AddressRefused,
    AuthorizationRefused,
    ClientSecret,
    CredentialsUnusable,
    IssuerChanged,
    IssuerNotListed,
    LoginRequired,
    MethodNotOffered,
    PrivateKey,
    PublicClient,
    RegistrationRefused,
    ResponseRejected,
    TokenAuth,
    TokenRefused,
    client_document,
)
from oauth_client.models import Document
from oauth_client.rules.cimd_client_document import check_document, check_document_url
from tests.oauth_client.inn import Guest, Inn
from tests.oauth_client.town import ISSUER, RESOURCE, Clock, Resource, Town

OTHER = "https://other.example"


@pytest.fixture
async def guest(tmp_path: Path) -> AsyncGenerator[Guest]:
    clock, town = Clock(), Town()
    inn = Inn(clock=clock)
    resource = Resource(server=inn)
    town.build(ISSUER, inn)
    town.build("https://notes.example", resource)
    async with httpx2.AsyncClient(transport=town) as http:
        yield Guest(clock=clock, inn=inn, resource=resource, town=town, http=http, folder=tmp_path / "vault")


@pytest.mark.requirement("CH-01", "CH-02", "CH-04", "CH-05", "CH-08", "CH-09", "CL-22", "CL-10", "CL-19", "CL-20")
async def test_the_request_has_pkce_state_resource_and_a_registered_loopback_redirect(guest: Guest) -> None:
    async with guest.tokens() as tokens:
        token = await tokens.login(RESOURCE)
        await tokens.login(RESOURCE)
    one, two = guest.inn.asked
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", one["code_challenge"])
    assert one["code_challenge_method"] == "S256"
    assert one["code_challenge"] != two["code_challenge"]
    assert one["state"] != two["state"]
    assert one["resource"] == RESOURCE
    assert [form["resource"] for form in guest.inn.forms] == [RESOURCE, RESOURCE]
    assert all(43 <= len(form["code_verifier"]) <= 128 for form in guest.inn.forms)
    said = guest.inn.registered[0]
    assert len(guest.inn.registered) == 1
    assert said["application_type"] == "native"
    assert said["redirect_uris"] == [one["redirect_uri"]]
    assert said["grant_types"] == ["authorization_code", "refresh_token"]
    assert urlsplit(one["redirect_uri"]).hostname == "127.0.0.1"
    assert token.issuer == ISSUER
    with pytest.raises(httpx2.ConnectError):
        await guest.get(one["redirect_uri"])


@pytest.mark.requirement("CH-03")
@pytest.mark.parametrize("methods", [None, [], ["plain"]])
async def test_nothing_is_asked_of_a_server_that_does_not_list_s256(guest: Guest, methods: Any) -> None:
    guest.inn.extra = {"code_challenge_methods_supported": methods}
    async with guest.tokens() as tokens:
        with pytest.raises(MethodNotOffered, match="S256"):
            await tokens.login(RESOURCE)
    assert guest.opened == []
    assert guest.inn.registered == []


@pytest.mark.requirement("CH-06", "CH-15")
@pytest.mark.parametrize(
    ("iss", "promised"),
    [
        (None, True),
        (OTHER, True),
        (OTHER, False),
        (f"{ISSUER}/", True),
        (f"{ISSUER}:443", False),
        (ISSUER.upper(), False),
        ("", False),
    ],
)
async def test_an_answer_from_another_issuer_sends_no_code_anywhere(
    guest: Guest,
    iss: str | None,
    promised: bool,  # noqa: FBT001 - a case's column
) -> None:
    guest.inn.extra = {"authorization_response_iss_parameter_supported": promised}
    guest.inn.answers = {"iss": iss}
    async with guest.tokens() as tokens:
        with pytest.raises(ResponseRejected):
            await tokens.login(RESOURCE)
    assert guest.inn.forms == []


async def test_an_issuer_that_promises_no_iss_need_not_send_one(guest: Guest) -> None:
    guest.inn.extra = {"authorization_response_iss_parameter_supported": False}
    guest.inn.answers = {"iss": None}
    async with guest.tokens() as tokens:
        assert (await tokens.login(RESOURCE)).scopes == {"mcp:read"}


@pytest.mark.requirement("CH-07")
@pytest.mark.parametrize("iss", [OTHER, None])
async def test_nothing_of_an_error_from_another_issuer_is_shown(guest: Guest, iss: str | None) -> None:
    said = {"error": "call_this_number", "error_description": "0800 fraud"}
    guest.inn.answers = {"code": None, "iss": iss, **said}
    async with guest.tokens() as tokens:
        with pytest.raises(ResponseRejected) as caught:
            await tokens.login(RESOURCE)
    assert "fraud" not in str(caught.value)
    assert "call_this_number" not in str(caught.value)
    assert "fraud" not in guest.pages[-1].text


async def test_an_error_of_the_right_issuer_is_told(guest: Guest) -> None:
    guest.inn.answers = {"code": None, "error": "access_denied", "error_description": "Ada said no\x1b[2J"}
    async with guest.tokens() as tokens:
        with pytest.raises(AuthorizationRefused, match="Ada said no") as caught:
            await tokens.login(RESOURCE)
    assert str(caught.value).isprintable()


@pytest.mark.requirement("CH-04", "CL-33")
@pytest.mark.parametrize(
    ("change", "headers", "status"),
    [
        (("state=", "state=x"), {}, 400),
        (("state=", "estate="), {}, 400),
        (("code=", "code=one&code="), {}, 400),
        (("/callback", "/elsewhere"), {}, 404),
        (("", ""), {"host": "localhost"}, 404),
        (("", ""), {"host": "evil.example"}, 404),
    ],
)
async def test_what_is_not_the_answer_is_turned_away_and_the_answer_still_counts(
    guest: Guest, change: tuple[str, str], headers: dict[str, str], status: int
) -> None:
    async def browse(url: str) -> None:
        right = guest.inn.decide(url)
        wrong = await guest.get(right.replace(*change) + "&next=https://evil.example", **headers)
        assert wrong.status_code == status
        assert "location" not in wrong.headers
        assert "evil" not in wrong.text
        await guest.get(right)

    async with guest.tokens(open=browse) as tokens:
        assert (await tokens.login(RESOURCE)).scopes == {"mcp:read"}
    assert guest.pages[-1].headers["cache-control"] == "no-store"


async def test_only_a_browser_of_this_machine_that_follows_a_redirect_is_listened_to(guest: Guest) -> None:
    async def browse(url: str) -> None:
        right = guest.inn.decide(url)
        async with httpx2.AsyncClient() as real:
            for method in ("POST", "HEAD", "OPTIONS"):
                assert (await real.request(method, right)).status_code == 404
            with pytest.raises(httpx2.ConnectError):
                await real.get(right.replace("127.0.0.1", "127.0.0.2"))
        await guest.get(right)

    async with guest.tokens(open=browse) as tokens:
        assert (await tokens.login(RESOURCE)).scopes == {"mcp:read"}


async def test_the_listener_takes_one_answer(guest: Guest) -> None:
    async def browse(url: str) -> None:
        right = guest.inn.decide(url)
        await guest.get(right)
        assert (await guest.get(right)).status_code == 410

    async with guest.tokens(open=browse) as tokens:
        await tokens.login(RESOURCE)
    assert len(guest.inn.forms) == 1


@pytest.mark.requirement("CH-14")
@pytest.mark.parametrize(
    "endpoint",
    ["http://as.example/authorize", "javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "ms-word:x"],
)
async def test_no_browser_is_opened_for_anything_but_https_or_loopback(guest: Guest, endpoint: str) -> None:
    guest.inn.extra = {"authorization_endpoint": endpoint}
    async with guest.tokens() as tokens:
        with pytest.raises(AddressRefused):
            await tokens.login(RESOURCE)
    assert guest.opened == []
    assert guest.inn.registered == []


@pytest.mark.requirement("CL-11", "CL-18", "CL-14")
@pytest.mark.parametrize("takes", [True, False])
async def test_a_metadata_document_goes_before_registration_where_it_is_taken(
    guest: Guest,
    takes: bool,  # noqa: FBT001 - a case's column
) -> None:
    document = "https://quill.example/client.json"
    guest.inn.clients[document] = {}
    guest.inn.extra = {"client_id_metadata_document_supported": takes}
    async with guest.tokens(document=document) as tokens:
        token = await tokens.login(RESOURCE)
    assert token.client_id == (document if takes else "made-1")
    assert len(guest.inn.registered) == (0 if takes else 1)


@pytest.mark.requirement("CL-17")
async def test_a_client_with_a_document_and_a_key_proves_itself_at_the_token_endpoint(guest: Guest) -> None:
    document = "https://quill.example/client.json"
    guest.inn.clients[document] = {}
    guest.inn.methods = ["private_key_jwt"]
    guest.inn.extra = {"client_id_metadata_document_supported": True}
    guest.inn.key = jwk.ECKey.generate_key("P-256")
    client = PrivateKey(document, guest.inn.key.as_pem(private=True))
    guest.inn.client = document
    async with guest.tokens(client=client, document=document) as tokens:
        assert (await tokens.login(RESOURCE)).client_id == document
        guest.clock.now += 601
        await tokens.get(await tokens.find(RESOURCE), frozenset({"mcp:read"}))
    assert len(guest.inn.jtis) == 2


@pytest.mark.requirement("CL-11", "CL-13")
async def test_what_was_registered_beforehand_goes_first_and_to_its_issuer_alone(guest: Guest) -> None:
    guest.inn.methods = ["client_secret_basic"]
    client = ClientSecret("desk", "known")
    async with guest.tokens(client=client, issuer=ISSUER, document="https://quill.example/client.json") as tokens:
        assert (await tokens.login(RESOURCE)).client_id == "desk"
    assert guest.inn.registered == []
    async with guest.tokens(client=client, issuer=OTHER) as tokens:
        with pytest.raises(IssuerNotListed):
            await tokens.login(RESOURCE)
    assert len(guest.inn.asked) == 1


@pytest.mark.requirement("CL-11")
async def test_with_no_way_to_register_the_person_is_told(guest: Guest) -> None:
    guest.inn.extra = {"registration_endpoint": None}
    async with guest.tokens() as tokens:
        with pytest.raises(RegistrationRefused, match="registers no clients by itself"):
            await tokens.login(RESOURCE)
    assert guest.opened == []


@pytest.mark.requirement("CL-21")
async def test_a_redirect_uri_that_is_refused_is_told_with_a_way_out(guest: Guest) -> None:
    guest.inn.refuses = {"error": "invalid_redirect_uri", "error_description": "https only"}
    async with guest.tokens() as tokens:
        with pytest.raises(RegistrationRefused, match=r"https only.*pre-registered"):
            await tokens.login(RESOURCE)


@pytest.mark.requirement("CL-15")
@pytest.mark.parametrize(
    "url",
    [
        "http://quill.example/c",
        "https://quill.example",
        "https://quill.example/",
        "https://a@quill.example/c",
        "https://quill.example/c#x",
        "https://quill.example/a/../c",
        "https://quill.example/%2e%2e/c",
        "https:///c",
        "https://[/c",
    ],
)
def test_a_url_that_cannot_be_a_client_identifier_is_refused(url: str) -> None:
    with pytest.raises(CredentialsUnusable):
        check_document_url(url)


@pytest.mark.requirement("CL-15", "CL-16")
@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "https://quill.example/other"},
        {"client_name": ""},
        {"redirect_uris": []},
        {"client_secret": "x"},
        {"client_secret_expires_at": 0},
        {"token_endpoint_auth_method": "client_secret_basic"},
    ],
)
def test_a_document_that_servers_would_refuse_is_refused_here(changed: dict[str, object]) -> None:
    url = "https://quill.example/client.json"
    ours = client_document(url, "Quill", ["http://127.0.0.1/callback"])
    check_document(Document(ours), url)
    with pytest.raises(CredentialsUnusable):
        check_document(Document({**ours, **changed}), url)


@pytest.mark.requirement("CH-10")
async def test_a_rotated_refresh_token_takes_the_place_of_the_old_one(guest: Guest) -> None:
    async with guest.tokens() as tokens:
        await tokens.login(RESOURCE)
    for _ in range(3):
        guest.clock.now += 601
        async with guest.tokens(alone=True) as tokens:
            await tokens.get(await tokens.find(RESOURCE), frozenset({"mcp:read"}))
    used = [form["refresh_token"] for form in guest.inn.forms if form["grant_type"] == "refresh_token"]
    assert len(set(used)) == 3
    assert guest.inn.reused == 0


async def test_a_refresh_token_that_is_not_replaced_goes_on(guest: Guest) -> None:
    async with guest.tokens() as tokens:
        await tokens.login(RESOURCE)
    guest.inn.rotates = False
    for _ in range(2):
        guest.clock.now += 601
        async with guest.tokens(alone=True) as tokens:
            await tokens.get(await tokens.find(RESOURCE), frozenset({"mcp:read"}))
    assert len({form["refresh_token"] for form in guest.inn.forms[1:]}) == 1


async def test_what_was_allowed_before_is_asked_for_again_at_the_next_sign_in(guest: Guest) -> None:
    for scope in ("mcp:read", "mcp:write"):
        async with guest.tokens() as tokens:
            await tokens.login(RESOURCE, [scope])
    assert [asked["scope"] for asked in guest.inn.asked] == ["mcp:read", "mcp:read mcp:write"]


async def test_many_processes_at_once_use_one_refresh_token_once(guest: Guest) -> None:
    async with guest.tokens() as tokens:
        await tokens.login(RESOURCE)
    guest.clock.now += 601

    async def another() -> str:
        async with guest.tokens(alone=True) as tokens:
            return (await tokens.get(await tokens.find(RESOURCE), frozenset({"mcp:read"}))).access_token

    got = await asyncio.gather(*(another() for _ in range(8)))
    assert len(set(got)) == 1
    assert guest.inn.reused == 0


@pytest.mark.requirement("CH-11")
async def test_a_server_that_gives_no_refresh_token_asks_again_and_one_with_offline_access_is_asked_for_it(
    guest: Guest,
) -> None:
    guest.inn.rotates = False
    async with guest.tokens() as tokens:
        await tokens.login(RESOURCE, ["mcp:read"])
    assert guest.inn.asked[0]["scope"] == "mcp:read"
    guest.clock.now += 601
    async with guest.tokens(alone=True) as tokens:
        with pytest.raises(LoginRequired):
            await tokens.get(await tokens.find(RESOURCE), frozenset({"mcp:read"}))
    guest.inn.extra = {"scopes_supported": ["mcp:read", "offline_access"]}
    async with guest.tokens() as tokens:
        await tokens.login(RESOURCE, ["mcp:read"])
    assert guest.inn.asked[1]["scope"] == "mcp:read offline_access"


@pytest.mark.requirement("CH-12", "CL-29")
async def test_a_tool_that_needs_more_asks_the_person_for_everything_so_far_and_that(guest: Guest) -> None:
    async with (
        guest.tokens() as tokens,
        httpx2.AsyncClient(transport=guest.town, auth=TokenAuth(tokens, resource=RESOURCE)) as http,
    ):
        assert (await http.post(RESOURCE, headers={"mcp-name": "read"})).status_code == 200
        assert (await http.post(RESOURCE, headers={"mcp-name": "write"})).status_code == 200
    assert [asked["scope"] for asked in guest.inn.asked] == ["mcp:read", "mcp:read mcp:write"]


@pytest.mark.requirement("CL-13")
async def test_a_resource_with_a_new_issuer_gets_a_new_registration_and_no_old_token(guest: Guest) -> None:
    async with guest.tokens() as tokens:
        old = await tokens.login(RESOURCE)
    other = Inn(clock=guest.clock, issuer=OTHER)
    guest.town.build(OTHER, other)
    guest.resource.issuers = [OTHER]
    async with guest.tokens(alone=True) as tokens:
        with pytest.raises(LoginRequired):
            await tokens.get(await tokens.find(RESOURCE), frozenset({"mcp:read"}))

    async def browse(url: str) -> None:
        await guest.get(other.decide(url))

    async with guest.tokens(open=browse) as tokens:
        assert (await tokens.login(RESOURCE)).issuer == OTHER
    assert len(other.registered) == 1
    assert len(other.asked) == 1
    assert all(old.access_token not in form.values() for form in other.forms)


async def test_a_client_that_the_server_knows_no_more_is_registered_anew(guest: Guest) -> None:
    async with guest.tokens() as tokens:
        await tokens.login(RESOURCE)
        guest.inn.clients.clear()
        assert (await tokens.login(RESOURCE)).client_id == "made-2"
    assert len(guest.inn.asked) == 2


async def test_a_client_that_is_gone_when_its_code_is_redeemed_is_registered_anew_once(guest: Guest) -> None:
    async def browse(url: str) -> None:
        right = guest.inn.decide(url)
        if len(guest.inn.asked) == 1:
            guest.inn.clients.clear()
        await guest.get(right)

    async with guest.tokens(open=browse) as tokens:
        assert (await tokens.login(RESOURCE)).client_id == "made-2"
    assert [asked["client_id"] for asked in guest.inn.asked] == ["made-1", "made-2"]


async def test_a_refusal_that_does_not_end_the_sign_in_is_told_and_leaves_it(guest: Guest) -> None:
    read = frozenset({"mcp:read"})
    async with guest.tokens() as tokens:
        await tokens.login(RESOURCE)
    guest.clock.now += 601
    guest.inn.override = lambda: JSONResponse({"error": "invalid_target"}, 400)
    async with guest.tokens(alone=True) as tokens:
        with pytest.raises(TokenRefused, match="invalid_target"):
            await tokens.get(await tokens.find(RESOURCE), read)
        guest.inn.override = lambda: None
        assert (await tokens.get(await tokens.find(RESOURCE), read)).scopes == read


async def test_a_token_that_its_resource_refused_is_never_handed_out_again(guest: Guest) -> None:
    async with guest.tokens() as tokens:
        first = await tokens.login(RESOURCE)
        tokens.forget(first)
        second = await tokens.get(await tokens.find(RESOURCE), frozenset({"mcp:read"}))
    assert second.access_token != first.access_token


async def test_signing_out_revokes_the_refresh_token_and_forgets(guest: Guest) -> None:
    async with guest.tokens() as tokens:
        await tokens.login(RESOURCE)
        assert await tokens.logout(RESOURCE) is True
        assert await tokens.logout(RESOURCE) is None
    assert guest.inn.revoked == list(guest.inn.families)


async def test_a_person_who_does_not_come_ends_it(guest: Guest) -> None:
    async def nobody(_: str) -> None:
        return

    async with guest.tokens(open=nobody, seconds=0.05) as tokens:
        with pytest.raises(LoginRequired, match="nobody finished it"):
            await tokens.login(RESOURCE)


@pytest.mark.parametrize("managed", [True, False])
async def test_a_registration_that_cannot_be_asked_after_is_made_anew_after_nobody_came_back(
    guest: Guest, *, managed: bool
) -> None:
    """The server may have shown the person a page that it knows no such client, of which a program hears nothing."""

    async def nobody(_: str) -> None:
        return

    guest.inn.managed = managed
    async with guest.tokens(open=nobody, seconds=0.05) as tokens:
        with pytest.raises(LoginRequired, match="nobody finished it"):
            await tokens.login(RESOURCE)
    async with guest.tokens() as tokens:
        assert (await tokens.login(RESOURCE)).client_id == ("made-1" if managed else "made-2")


CLOCK = "https://clock.example/mcp"


def build_another(guest: Guest) -> Inn:
    """A second resource, with an authorization server of its own."""
    other = Inn(clock=guest.clock, issuer=OTHER, resources={CLOCK})
    where = "https://clock.example/.well-known/oauth-protected-resource/mcp"
    guest.town.build(OTHER, other)
    guest.town.build(
        "https://clock.example", Resource(server=other, identifier=CLOCK, issuers=[OTHER], metadata_url=where)
    )
    for inn in (guest.inn, other):
        inn.methods = ["client_secret_post"]
    return other


@pytest.mark.requirement("CH-05", "CH-15")
async def test_sign_ins_in_flight_at_two_issuers_keep_codes_verifiers_and_credentials_apart(guest: Guest) -> None:
    other = build_another(guest)
    both, urls = asyncio.Barrier(2), dict[str, str]()

    async def browse(url: str) -> None:
        inn = other if url.startswith(OTHER) else guest.inn
        urls[inn.issuer] = inn.decide(url)
        await both.wait()
        if inn is other:
            # The answers come in the order opposite to the questions, the other one's to each first.
            for mine, wrong in ((ISSUER, OTHER), (OTHER, ISSUER)):
                swapped = f"{urls[mine].partition('?')[0]}?{urls[wrong].partition('?')[2]}"
                assert (await guest.get(swapped)).status_code == 400
            await guest.get(urls[OTHER])
            await guest.get(urls[ISSUER])

    async with guest.tokens(open=browse) as tokens:
        notes, clock = await asyncio.gather(tokens.login(RESOURCE), tokens.login(CLOCK))
        guest.clock.now += 601
        for resource in (RESOURCE, CLOCK):
            await tokens.get(await tokens.find(resource), frozenset({"mcp:read"}))
    assert (notes.issuer, clock.issuer) == (ISSUER, OTHER)
    assert (notes.access_token in guest.inn.issued, clock.access_token in other.issued) == (True, True)
    confidential = ("code", "code_verifier", "client_secret", "refresh_token")
    told = [{form[name] for form in inn.forms for name in confidential if name in form} for inn in (guest.inn, other)]
    assert [len(one) for one in told] == [4, 4]
    assert told[0].isdisjoint(told[1])
    assert [inn.handed_out[0] in one for inn, one in zip((guest.inn, other), told, strict=True)] == [True, True]
    assert [len(inn.forms) for inn in (guest.inn, other)] == [2, 2]
    assert guest.town.count(f"POST {ISSUER}/token") == guest.town.count(f"POST {OTHER}/token") == 2


@pytest.mark.requirement("CL-13")
async def test_a_client_registered_beforehand_nobody_said_where_belongs_to_the_issuer_it_first_signed_in_at(
    guest: Guest,
) -> None:
    other = build_another(guest)
    guest.inn.clients["desk"] = {}
    async with guest.tokens(client=PublicClient("desk")) as tokens:
        clock = await tokens.find(CLOCK)
        assert (await tokens.login(RESOURCE)).issuer == ISSUER
        with pytest.raises(IssuerChanged):
            await tokens.get(clock, frozenset({"mcp:read"}))
        with pytest.raises(IssuerChanged):
            await tokens.login(CLOCK)
    assert other.asked == []


@pytest.mark.requirement("CH-05", "CH-15")
@pytest.mark.parametrize("iss", [ISSUER, OTHER, None])
async def test_a_code_goes_where_its_sign_in_began_whatever_is_said_meanwhile(guest: Guest, iss: str | None) -> None:
    """While the person decides, the resource names another issuer and the server's own metadata another endpoint."""
    other = build_another(guest)
    guest.inn.extra = {"authorization_response_iss_parameter_supported": False}
    guest.inn.answers = {"iss": iss}

    async def browse(url: str) -> None:
        right = guest.inn.decide(url)
        guest.resource.issuers = [OTHER]
        guest.inn.extra = {"token_endpoint": f"{OTHER}/token"}
        await tokens.find(RESOURCE, stale=await tokens.find(RESOURCE))
        await guest.get(right)

    async with guest.tokens(open=browse) as tokens:
        if iss == OTHER:
            with pytest.raises(ResponseRejected):
                await tokens.login(RESOURCE)
        else:
            assert (await tokens.login(RESOURCE)).issuer == ISSUER
    assert other.forms == []
    assert len(guest.inn.forms) == (0 if iss == OTHER else 1)


async def test_a_sign_in_goes_on_as_the_client_that_began_it_where_nobody_names_that_client_again(guest: Guest) -> None:
    document = "https://quill.example/client.json"
    guest.inn.extra = {"client_id_metadata_document_supported": True}
    guest.inn.clients.update({document: {}, "desk": {}})
    by_document: dict[str, Any] = {"document": document}
    beforehand: dict[str, Any] = {"client": PublicClient("desk"), "issuer": ISSUER}
    async with guest.tokens() as tokens:
        await tokens.login(RESOURCE)
    for said, client_id in ((by_document, document), (beforehand, "desk")):
        async with guest.tokens(**said) as tokens:
            await tokens.login(RESOURCE)
        guest.clock.now += 601
        async with guest.tokens(alone=True) as tokens:
            assert (await tokens.get(await tokens.find(RESOURCE), frozenset({"mcp:read"}))).client_id == client_id
        assert guest.inn.forms[-1]["client_id"] == client_id


async def test_a_registration_outlives_the_refusal_of_another_client_and_not_its_own(guest: Guest) -> None:
    guest.inn.clients["desk"] = {}
    async with guest.tokens() as tokens:
        await tokens.login(RESOURCE)
    for client, issuer, left in ((PublicClient("desk"), ISSUER, ["made-1"]), (None, None, [])):
        async with guest.tokens(client=client, issuer=issuer) as tokens:
            await tokens.login(RESOURCE)
        guest.clock.now += 601
        for gone in ("desk",) if client else ("made-1",):
            del guest.inn.clients[gone]
        async with guest.tokens(alone=True) as tokens:
            with pytest.raises(LoginRequired):
                await tokens.get(await tokens.find(RESOURCE), frozenset({"mcp:read"}))
        kept = [json.loads(path.read_text()) for path in guest.folder.glob("*.json")]
        assert [one["client_id"] for one in kept] == left
