import json
import logging
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

import pytest
from starlette.types import Scope

from resource_server import current_caller
from tests.battery.wire import Request
from tests.resource_server.conftest import House

Build = Callable[..., House]
PATH_FORM, ROOT_FORM = "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"


def _agents_ask(scope: Scope) -> tuple[str, ...]:
    return ("agent:ask",) if scope["path"] == "/mcp" else ()


def _get(target: str, *headers: tuple[str, str], method: str = "GET") -> Request:
    return Request(target=target, method=method, headers=headers)


@pytest.mark.requirement("RS-01", "RS-02", "RS-03", "RS-04", "RS-06", "RS-07")
@pytest.mark.parametrize("path", [PATH_FORM, ROOT_FORM])
async def test_the_metadata_is_there_for_anyone_in_both_forms(path: str, house: Build) -> None:
    answer = await house(name="Notes").send(_get(path, ("Origin", "https://inspector.example")))

    assert answer.status == 200
    assert answer.header("content-type") == "application/json"
    assert answer.header("access-control-allow-origin") == "*"
    assert json.loads(answer.body) == {
        "resource": "http://localhost:8000/mcp",
        "authorization_servers": ["http://localhost:9000"],
        "scopes_supported": ["mcp:read"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Notes",
    }


@pytest.mark.requirement("RS-01")
async def test_the_metadata_is_read_and_nothing_else(house: Build) -> None:
    home = house()
    head = await home.send(_get(PATH_FORM, method="HEAD"))
    post = await home.send(_get(PATH_FORM, method="POST"))

    assert (head.status, head.body, int(head.header("content-length") or 0) > 100) == (200, b"", True)
    assert (post.status, post.header("allow")) == (405, "GET, HEAD")


@pytest.mark.requirement("RS-07", "RS-08")
async def test_the_metadata_lists_the_baseline_and_not_the_catalogue(house: Build) -> None:
    document = json.loads((await house().send(_get(PATH_FORM))).body)

    assert document["scopes_supported"] == ["mcp:read"]
    assert "scopes_supported" not in json.loads((await house(scopes=()).send(_get(PATH_FORM))).body)


@pytest.mark.requirement("RS-05", "RS-06", "RS-16", "RS-17", "RS-20")
async def test_a_caller_without_a_token_hears_where_to_get_one(house: Build) -> None:
    answer = await house().send(_get("/mcp"))

    assert answer.status == 401
    assert answer.header("www-authenticate") == (
        'Bearer resource_metadata="http://localhost:8000/.well-known/oauth-protected-resource/mcp", scope="mcp:read"'
    )
    assert answer.header("cache-control") == "no-store"


@pytest.mark.requirement("RS-05")
async def test_the_challenge_never_repeats_what_the_request_says_of_itself(house: Build) -> None:
    home = house(allowed_hosts=("evil.example",))
    request = _get("/mcp", ("X-Forwarded-Host", "evil.example"), ("Forwarded", "host=evil.example"))
    answer = await home.send(replace(request, host=("evil.example",)))

    assert answer.status == 401
    assert "evil" not in (answer.header("www-authenticate") or "")


@pytest.mark.requirement("RS-15", "RS-16")
async def test_a_bad_token_s_challenge_helps_without_giving_anything_away(house: Build) -> None:
    home = house()
    answer = await home.knock(home.world.token(claims=home.world.claims(aud='http://evil"/mcp')))

    assert answer.status == 401
    assert answer.header("www-authenticate") == (
        'Bearer error="invalid_token", error_description="the access token was not issued for this resource", '
        'resource_metadata="http://localhost:8000/.well-known/oauth-protected-resource/mcp", scope="mcp:read"'
    )
    assert b"evil" not in answer.body


@pytest.mark.requirement("RS-09")
async def test_the_app_learns_who_calls_and_not_what_with(house: Build) -> None:
    home = house()
    token = home.world.token()
    await home.knock(token)
    scope = home.app.reached[0]
    caller = scope["daca.caller"]

    assert home.app.callers == [caller]
    assert (caller.subject, caller.client_id, caller.scopes) == ("battery", "battery", {"mcp:read"})
    assert caller.claims["jti"] == "battery"
    assert isinstance(caller.claims, MappingProxyType)
    assert caller.token == token.decode()
    assert token.decode() not in repr(caller)


@pytest.mark.requirement("RS-25", "ALL-01")
async def test_the_token_does_not_travel_on_in_the_headers(house: Build) -> None:
    home = house()
    await home.knock()

    names = [name for name, _ in home.app.reached[0]["headers"]]
    assert b"host" in names
    assert b"authorization" not in names


async def test_outside_of_a_request_there_is_no_caller(house: Build) -> None:
    await house().knock()

    with pytest.raises(LookupError):
        current_caller()


@pytest.mark.requirement("RS-09", "RS-31")
async def test_only_the_public_paths_are_open(house: Build) -> None:
    home = house(public_paths=("/healthz", "/version"))
    statuses = [(await home.send(_get(path))).status for path in ("/healthz", "/version", "/metrics", "/", "/healthz/")]

    assert statuses == [200, 200, 401, 401, 401]
    assert home.app.callers == [None, None]


async def test_beside_the_endpoint_there_is_nothing_but_what_is_named(house: Build) -> None:
    home = house(other_paths=("/export",))
    token = home.world.token()

    async def ask(path: str) -> int:
        return (await home.send(_get(path, ("Authorization", f"Bearer {token.decode()}")))).status

    assert [await ask(path) for path in ("/mcp", "/export", "/export/", "/other")] == [200, 200, 404, 404]
    poor = home.world.token(claims=home.world.claims(scope="x"))
    assert (await home.send(_get("/export", ("Authorization", f"Bearer {poor.decode()}")))).status == 403


@pytest.mark.requirement("RS-15", "RS-18", "RS-19")
async def test_an_app_that_is_no_mcp_server_may_name_scopes_per_request(house: Build) -> None:
    home = house(tools=None, scope_for=_agents_ask)
    answer = await home.knock()

    assert answer.status == 403
    assert answer.header("www-authenticate") == (
        'Bearer error="insufficient_scope", error_description="this operation needs the scope mcp:read agent:ask", '
        'resource_metadata="http://localhost:8000/.well-known/oauth-protected-resource/mcp", scope="mcp:read agent:ask"'
    )
    assert json.loads(answer.body)["error"] == "insufficient_scope"
    assert (await home.knock(home.world.token(claims=home.world.claims(scope="mcp:read agent:ask")))).status == 200


@pytest.mark.requirement("RS-30")
@pytest.mark.parametrize(
    "host", ["localhost:8000", "LOCALHOST:8000", "localhost", "127.0.0.1:9999", "[::1]:8000", "notes.mesh:80"]
)
async def test_our_names_and_loopback_are_answered(host: str, house: Build) -> None:
    home = house(allowed_hosts=("notes.mesh:80",))
    answer = await home.send(replace(_get("/mcp"), host=(host,)))

    assert answer.status == 401


@pytest.mark.requirement("RS-30")
@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "x@localhost", "localhost/x"),
        *("[::1", "localhost:", "localhost:x", "notes.mesh", ""),
    ],
)
async def test_other_names_are_not(host: str, house: Build) -> None:
    home = house(allowed_hosts=("notes.mesh:80",))
    answer = await home.send(replace(_get("/mcp"), host=(host,)))

    assert answer.status == 421


@pytest.mark.requirement("RS-30")
async def test_a_page_of_a_welcome_origin_may_ask_and_read_the_challenge(house: Build) -> None:
    home = house(allowed_origins=("https://inspector.example",))
    for origin in ("https://inspector.example", "http://localhost:8000"):
        answer = await home.send(_get("/mcp", ("Origin", origin)))
        assert answer.status == 401
        assert answer.header("access-control-allow-origin") == origin
        assert "WWW-Authenticate" in (answer.header("access-control-expose-headers") or "")


async def test_a_preflight_of_a_welcome_origin_is_answered_without_a_token_and_goes_no_further(house: Build) -> None:
    home = house(allowed_origins=("https://inspector.example",))
    asked = (("Origin", "https://inspector.example"), ("Access-Control-Request-Method", "POST"))
    answer = await home.send(_get("/mcp", *asked, method="OPTIONS"))

    assert (answer.status, home.app.reached) == (204, [])
    assert "Authorization" in (answer.header("access-control-allow-headers") or "")
    assert (await home.send(_get("/mcp", asked[1], method="OPTIONS"))).status == 401
    assert (await home.send(_get("/mcp", ("Origin", "https://evil.example"), asked[1], method="OPTIONS"))).status == 403


async def test_an_app_s_own_cors_headers_win(house: Build) -> None:
    home = house(allowed_origins=("https://inspector.example",))
    home.app.headers = ((b"Access-Control-Allow-Origin", b"https://app.example"),)
    answer = await home.knock(None, ("Origin", "https://inspector.example"))

    assert [value for name, value in answer.headers if name == "access-control-allow-origin"] == ["https://app.example"]


async def test_a_websocket_is_closed_and_reaches_nothing(house: Build) -> None:
    home = house()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await home.door({"type": "websocket", "path": "/mcp", "headers": []}, cast("Any", None), send)

    assert (sent, home.app.reached) == (["websocket.close"], [])


@pytest.mark.requirement("ALL-01")
async def test_no_token_reaches_a_log_at_any_level(house: Build, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    home = house()
    good = home.world.token()
    tokens = [good, home.world.token(claims=home.world.claims(aud="x")), b"x" * 9000, good[:-3], good + b"\n", b"a.b.c"]
    for token in tokens:
        await home.knock(token)
    await home.send(_get(f"/mcp?access_token={good.decode()}"))

    assert "refused 401 invalid_token" in caplog.text
    for token in tokens:
        for part in token.split(b"."):
            assert len(part) < 8 or part.decode("latin-1") not in caplog.text


async def test_a_refusal_s_log_line_stays_one_line_whatever_the_token_says(
    house: Build, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    home = house()
    await home.knock(home.world.token(claims=home.world.claims(aud="x\nforged line")))
    await home.knock(home.world.token(home.world.header(kid="x\r\nforged")))

    assert all("\n" not in record.getMessage() and "\r" not in record.getMessage() for record in caplog.records)
    assert "aud 'x\\nforged line'" in caplog.text
