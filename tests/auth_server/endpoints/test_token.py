import asyncio
import base64

import pytest

from tests.auth_server.world import (
    CLOCK,
    ISSUER,
    JWT_BEARER,
    NOTES,
    OPERATOR,
    REPORTS,
    RESEARCHER,
    START,
    Server,
    claims,
    error,
    signed,
)


@pytest.mark.requirement("AS-26", "AS-27", "AS-49")
async def test_a_token_answer_is_json_that_nobody_stores_and_has_no_refresh_token(server: Server) -> None:
    answer = await server.token(resource=NOTES)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert sorted(answer.json()) == ["access_token", "expires_in", "scope", "token_type"]
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 300)


@pytest.mark.requirement("AS-31", "AS-34", "AS-50", "AS-43")
@pytest.mark.parametrize(
    ("resource", "alg", "lifetime"), [(NOTES, "ES256", 300), (CLOCK, "EdDSA", 120), (REPORTS, "RS256", 300)]
)
async def test_a_token_is_a_signed_jwt_for_one_audience(server: Server, resource: str, alg: str, lifetime: int) -> None:
    answer = await server.operator(resource=resource, scope="mcp:read")
    token = await server.verified(answer.json()["access_token"])
    kids = {key["kid"] for key in await server.keys() if key["alg"] == alg}
    assert {name: token.header[name] for name in ("alg", "typ")} == {"alg": alg, "typ": "at+jwt"}
    assert token.header["kid"] in kids
    jti = token.claims.pop("jti")
    assert len(jti) >= 22
    assert token.claims == {
        "iss": ISSUER,
        "aud": resource,
        "sub": "client:operator",
        "client_id": "operator",
        "scope": "mcp:read",
        "iat": int(START),
        "exp": int(START) + lifetime,
    }


@pytest.mark.requirement("AS-41")
async def test_no_two_tokens_have_the_same_id(server: Server) -> None:
    answers = [await server.token(resource=NOTES) for _ in range(20)]
    ids = {(await server.verified(answer.json()["access_token"])).claims["jti"] for answer in answers}
    assert len(ids) == 20


@pytest.mark.requirement("AS-47", "AS-46")
async def test_a_secret_is_taken_from_the_header_and_from_the_body(server: Server) -> None:
    client_id, _, secret = RESEARCHER.partition(":")
    in_body = await server.token(basic=None, client_id=client_id, client_secret=secret, resource=NOTES)
    in_header = await server.token(resource=NOTES, client_id=client_id)
    assert (in_body.status_code, in_header.status_code) == (200, 200)


@pytest.mark.requirement("AS-47")
async def test_id_and_secret_are_form_decoded_before_they_are_compared(server: Server) -> None:
    server.world.secrets.found["client-researcher"] = {"secret": "a secret: 100% +/é and more"}
    server.world.clock.now += 60
    assert (await server.token(basic="researcher:a+secret%3A+100%25+%2B%2F%C3%A9+and+more")).status_code == 200
    assert error(await server.token(basic="researcher:a secret: 100% +/é and more")) == (401, "invalid_client")


@pytest.mark.requirement("AS-35", "AS-44")
@pytest.mark.parametrize(
    "header",
    [
        "Basic " + base64.b64encode(b"researcher:wrong").decode(),
        "Basic " + base64.b64encode(b"nobody:wrong").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"researcher:").decode(),
        "Basic " + base64.b64encode(b"researcher:%ff").decode(),
        "Basic !!!",
        "Basic",
        "Bearer abc",
        "Digest a=b",
    ],
)
async def test_a_client_that_fails_in_the_header_is_challenged(server: Server, header: str) -> None:
    answer = await server.http.post(
        "/token",
        data={"grant_type": "client_credentials"},
        headers={"authorization": header},
    )
    assert error(answer) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.requirement("AS-44")
async def test_a_client_without_any_proof_is_refused(server: Server) -> None:
    for form in ({}, {"client_id": "researcher"}, {"client_secret": "x"}):
        assert error(await server.token(basic=None, **form)) == (401, "invalid_client")


@pytest.mark.requirement("AS-48")
async def test_two_ways_to_authenticate_are_an_invalid_request(server: Server) -> None:
    secret = RESEARCHER.partition(":")[2]
    assertion = {"client_assertion": signed(claims()), "client_assertion_type": JWT_BEARER}
    for form in ({"client_id": "researcher", "client_secret": secret}, assertion):
        assert error(await server.token(**form)) == (400, "invalid_request")
    both = {"client_secret": secret, "client_id": "researcher", **assertion}
    assert error(await server.token(basic=None, **both)) == (400, "invalid_request")
    assert error(await server.token(client_id="operator")) == (400, "invalid_request")
    twice = base64.b64encode(RESEARCHER.encode()).decode()
    sent = [("authorization", f"Basic {twice}"), ("authorization", f"Basic {twice}")]
    answer = await server.http.post("/token", data={"grant_type": "client_credentials"}, headers=sent)
    assert error(answer) == (400, "invalid_request")


@pytest.mark.requirement("AS-35")
@pytest.mark.parametrize(
    "form",
    [
        "",
        "grant_type=",
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&scope=mcp:read&scope=mcp:read",
        "grant_type=client_credentials&anything=1&anything=2",
        "grant_type=client_credentials&scope=%ff",
        "grant_type=client_credentials&scope=%zz",
        "grant_type=client_credentials&scope=%",
        "&".join(f"p{number}=1" for number in range(100)),
    ],
)
async def test_a_missing_repeated_or_broken_parameter_is_an_invalid_request(server: Server, form: str) -> None:
    assert error(await server.post("/token", form, basic=RESEARCHER)) == (400, "invalid_request")


@pytest.mark.requirement("AS-35")
@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "", "text/plain"])
async def test_another_content_type_is_an_invalid_request(server: Server, content_type: str) -> None:
    basic = base64.b64encode(RESEARCHER.encode()).decode()
    headers = {"content-type": content_type, "authorization": f"Basic {basic}"}
    answer = await server.http.post("/token", content=b"grant_type=client_credentials", headers=headers)
    assert error(answer) == (400, "invalid_request")


async def test_a_content_type_with_a_charset_is_taken(server: Server) -> None:
    basic = base64.b64encode(RESEARCHER.encode()).decode()
    headers = {"content-type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8", "authorization": f"Basic {basic}"}
    answer = await server.http.post("/token", content=b"grant_type=client_credentials", headers=headers)
    assert answer.status_code == 200


@pytest.mark.requirement("CM-08")
async def test_nothing_is_taken_from_the_url(server: Server) -> None:
    client_id, _, secret = RESEARCHER.partition(":")
    answer = await server.post(
        f"/token?client_id={client_id}&client_secret={secret}", {"grant_type": "client_credentials"}
    )
    assert error(answer) == (400, "invalid_request")


async def test_a_body_without_end_is_refused_at_the_bound(server: Server) -> None:
    answer = await server.post("/token", "grant_type=" + "x" * 40_000, basic=RESEARCHER)
    assert error(answer) == (413, "invalid_request")


@pytest.mark.requirement("AS-15", "AS-35")
@pytest.mark.parametrize("grant_type", ["password", "implicit", "CLIENT_CREDENTIALS"])
async def test_other_grants_are_unsupported(server: Server, grant_type: str) -> None:
    answer = await server.post("/token", {"grant_type": grant_type}, basic=RESEARCHER)
    assert error(answer) == (400, "unsupported_grant_type")


async def test_other_methods_are_not_allowed(server: Server) -> None:
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        answer = await server.http.request(method, "/token")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.requirement("AS-32")
@pytest.mark.parametrize(
    "resource",
    [
        "http://localhost:8000/mcp/",
        "http://localhost:8000/mcp#x",
        "notes",
        "https://evil.example/mcp",
        CLOCK,
        "http://[",
        "://",
    ],
)
async def test_an_unknown_malformed_or_forbidden_resource_is_an_invalid_target(server: Server, resource: str) -> None:
    assert error(await server.token(resource=resource)) == (400, "invalid_target")


@pytest.mark.requirement("AS-31", "AS-32")
async def test_a_second_audience_is_refused(server: Server) -> None:
    form = f"grant_type=client_credentials&resource={NOTES}&resource={CLOCK}"
    assert error(await server.post("/token", form, basic=OPERATOR)) == (400, "invalid_target")
    form = f"grant_type=client_credentials&resource={NOTES}&audience={CLOCK}"
    assert error(await server.post("/token", form, basic=OPERATOR)) == (400, "invalid_target")
    same = f"grant_type=client_credentials&resource={NOTES}&resource={NOTES}&audience={NOTES}"
    assert (await server.post("/token", same, basic=OPERATOR)).status_code == 200


@pytest.mark.requirement("AS-31")
async def test_the_audience_has_its_registered_spelling_however_it_was_asked_for(server: Server) -> None:
    for form in ({"audience": NOTES}, {"resource": "HTTP://LocalHost:8000/mcp"}):
        answer = await server.token(**form)
        assert (await server.verified(answer.json()["access_token"])).claims["aud"] == NOTES


@pytest.mark.requirement("AS-33")
async def test_without_a_resource_the_only_one_of_the_client_is_meant_and_never_several(server: Server) -> None:
    answer = await server.token()
    assert (await server.verified(answer.json()["access_token"])).claims["aud"] == NOTES
    assert error(await server.operator()) == (400, "invalid_target")


@pytest.mark.requirement("AS-35")
@pytest.mark.parametrize(
    "scope", ["mcp:write", "mcp:read mcp:write", "unknown", "mcp:read  mcp:read", " mcp:read", 'a"b', "é"]
)
async def test_a_scope_that_the_client_may_not_have_is_an_invalid_scope(server: Server, scope: str) -> None:
    assert error(await server.token(resource=NOTES, scope=scope)) == (400, "invalid_scope")


@pytest.mark.requirement("AS-26")
async def test_the_answer_says_which_scopes_were_granted(server: Server) -> None:
    assert (await server.operator(resource=NOTES)).json()["scope"] == "mcp:read"
    asked = await server.operator(resource=NOTES, scope="mcp:delete mcp:write mcp:delete")
    assert asked.json()["scope"] == "mcp:delete mcp:write"
    assert error(await server.operator(resource=REPORTS)) == (400, "invalid_scope")


async def test_an_error_description_holds_only_what_the_rfc_allows(server: Server) -> None:
    answer = await server.token(resource=NOTES, scope="x\\y")
    for form in ({"scope": '"'}, {"resource": "\\\u00e9"}, {"scope": "a\nb"}):
        answer = await server.token(**form)
        assert set(answer.json()["error_description"]) <= set(map(chr, range(0x20, 0x7F))) - set('"\\')


@pytest.mark.requirement("AS-41")
async def test_wrong_secrets_that_come_too_fast_are_told_to_wait_and_lock_nobody_out(server: Server) -> None:
    wrong = [await server.token(basic="researcher:wrong") for _ in range(12)]
    assert [answer.status_code for answer in wrong] == [401] * 10 + [429] * 2
    assert wrong[-1].headers["retry-after"] == "10"
    assert (await server.token(resource=NOTES)).status_code == 200
    assert (await server.token(basic="operator:wrong")).status_code == 401
    server.world.clock.now += 61
    assert (await server.token(basic="researcher:wrong")).status_code == 401


@pytest.mark.requirement("AS-41")
async def test_the_count_of_guesses_cannot_be_filled_by_strangers(server: Server) -> None:
    for number in range(30):
        assert (await server.token(basic=f"nobody{number}:wrong")).status_code == 401
    assert not server.parts.authentication._guesses._wrong  # pyright: ignore[reportPrivateUsage]


async def test_the_way_to_a_token_asks_no_store(server: Server) -> None:
    server.world.state.asked = 0
    server.world.secrets.reads.clear()
    for _ in range(5):
        await server.token(resource=NOTES)
    assert (server.world.state.asked, server.world.secrets.reads) == (0, [])


async def test_a_store_that_is_away_is_said_to_be_and_declared_clients_go_on(server: Server) -> None:
    server.world.state.away = True
    answer = await server.with_assertion(signed(claims()))
    assert error(answer) == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert error(await server.token(basic="made-at-run-time:x")) == (503, "temporarily_unavailable")
    assert (await server.token(resource=NOTES)).status_code == 200


async def test_a_rotated_secret_counts_at_once_and_the_previous_one_still_does(server: Server) -> None:
    old = RESEARCHER.partition(":")[2]
    server.world.secrets.found["client-researcher"] = {"secret": "brand-new-secret-of-the-client", "previous": old}
    for basic in ("researcher:brand-new-secret-of-the-client", RESEARCHER):
        assert (await server.token(basic=basic)).status_code == 200
    assert (await server.token(basic="operator:operator-secret-of-last-year", resource=NOTES)).status_code == 200


async def test_a_secret_store_that_is_away_takes_no_secret_from_anyone(server: Server) -> None:
    server.world.secrets.away = True
    assert error(await server.token(basic="researcher:wrong")) == (401, "invalid_client")
    assert (await server.token(resource=NOTES)).status_code == 200


@pytest.mark.requirement("AS-41")
async def test_a_secret_that_is_easy_to_guess_is_never_valid(server: Server) -> None:
    server.world.secrets.found["client-researcher"] = {"secret": "hunter2"}
    assert error(await server.token(basic="researcher:hunter2")) == (401, "invalid_client")


async def test_many_requests_at_once_all_get_their_token(server: Server) -> None:
    answers = await asyncio.gather(*(server.token(resource=NOTES) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
