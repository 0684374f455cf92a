"""A machine's token is answered at once, from memory; what is refused, and every other request, goes the whole way."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
import structlog
from joserfc import jwt

from auth_server.admin import disable_client
from auth_server.app import routes
from auth_server.front import Front, Route
from auth_server.hashing import digest
from auth_server.identity.load import load_identity
from auth_server.models import Client
from sidecar.at_once import Reply
from tests.auth_server.world import (
    CLOCK,
    IDENTITY,
    ISSUER,
    NOTES,
    OPERATOR,
    RESEARCHER,
    SECRETS,
    Server,
    claims,
    signed,
)

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def _behind(*_: object) -> None:
    pytest.fail("nothing here goes behind the front")


def _front(server: Server) -> Front:
    return Front(behind=_behind, routes=routes(ISSUER, server.parts, server.world.clock))


def _scope(basic: str | None, **changed: Any) -> dict[str, Any]:
    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    if basic is not None:
        headers.append((b"authorization", b"Basic " + base64.b64encode(basic.encode())))
    return {
        "type": "http",
        "method": "POST",
        "path": "/token",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 5),
        **changed,
    }


def _form(**form: str) -> bytes:
    return urlencode({"grant_type": "client_credentials", "resource": NOTES, **form}).encode()


def _at_once(server: Server, basic: str | None = RESEARCHER, /, **form: str) -> Reply | None:
    return _front(server).at_once(_scope(basic), _form(**form))


async def _whole_way(server: Server, basic: str | None = RESEARCHER, /, **form: str) -> httpx2.Response:
    return await server.post("/token", _form(**form).decode(), basic=basic)


def _without_chance(token: jwt.Token) -> Mapping[str, object]:
    return {**token.header, **token.claims, "jti": ""}


async def test_the_answer_at_once_is_that_of_the_whole_way(server: Server) -> None:
    asked = {"scope": "mcp:read"}
    with structlog.testing.capture_logs() as logs:
        found = _at_once(server, **asked)
        front = _front(server)
        front.routes = {path: _asked_anew(route) for path, route in front.routes.items()}
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=front), base_url=ISSUER) as http:
            server.http, before = http, server.http
            slow = await _whole_way(server, **asked)
            server.http = before
    assert found is not None
    status, headers, body = found
    assert status == slow.status_code == 200
    assert {**dict(headers), b"content-length": b"%d" % len(body)} == dict(slow.headers.raw)
    at_once, whole = json.loads(body), slow.json()
    tokens = [await server.verified(answer.pop("access_token")) for answer in (at_once, whole)]
    assert at_once == whole
    assert _without_chance(tokens[0]) == _without_chance(tokens[1])
    assert tokens[0].claims["jti"] != tokens[1].claims["jti"]
    assert [{**line, "jti": ""} for line in logs[:1]] == [{**line, "jti": ""} for line in logs[1:]]
    assert [line["jti"] for line in logs] == [token.claims["jti"] for token in tokens]


def _asked_anew(route: Route) -> Route:
    return replace(route, at_once=None)


async def test_no_store_is_asked_on_the_way(server: Server) -> None:
    server.world.state.away = server.world.secrets.away = True
    asked = server.world.state.asked
    assert _at_once(server) is not None
    assert server.world.state.asked == asked


REFUSED: dict[str, tuple[str | None, dict[str, str]]] = {
    "a wrong secret": ("researcher:" + "x" * 36, {}),
    "an unknown client": ("nobody:" + "x" * 36, {}),
    "no proof": (None, {}),
    "a client id alone": (None, {"client_id": "researcher"}),
    "two proofs": (RESEARCHER, {"client_secret": "x" * 36}),
    "an unknown resource": (RESEARCHER, {"resource": "https://elsewhere.example/mcp"}),
    "a scope too much": (RESEARCHER, {"scope": "mcp:delete"}),
    "another grant": (RESEARCHER, {"grant_type": "authorization_code", "code": "client_credentials"}),
    "an unknown grant": (RESEARCHER, {"grant_type": "client_credentials2"}),
    "a client without the grant": ("portal:" + SECRETS["client-portal"]["secret"], {}),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_nothing_is_refused_at_once(server: Server, case: tuple[str | None, dict[str, str]]) -> None:
    basic, form = case
    with structlog.testing.capture_logs() as logs:
        assert _at_once(server, basic, **form) is None
    assert logs == []
    assert (await _whole_way(server, basic, **form)).status_code in (400, 401)


async def test_what_is_no_post_to_the_token_endpoint_is_not_answered_at_once(server: Server) -> None:
    front, body = _front(server), _form()
    assert front.at_once(_scope(RESEARCHER), body) is not None
    for changed in (
        {"method": "GET"},
        {"method": "HEAD"},
        {"method": "PUT"},
        {"path": "/introspect"},
        {"path": "/nowhere"},
        {"query_string": b"grant_type=client_credentials"},
        {"headers": [*_scope(RESEARCHER)["headers"], (b"content-type", b"text/plain")]},
    ):
        assert front.at_once(_scope(RESEARCHER, **changed), body) is None, changed
    assert front.at_once(_scope(RESEARCHER), body + b"&x=" + b"y" * 32 * 1024) is None


async def test_an_assertion_takes_the_whole_way_and_is_spent_there_once(server: Server) -> None:
    proof = {"client_assertion_type": JWT_BEARER, "client_assertion": signed(claims())}
    assert _at_once(server, None, **proof) is None
    assert (await _whole_way(server, None, **proof)).status_code == 200
    assert (await _whole_way(server, None, **proof)).status_code == 401


async def test_a_wrong_secret_counts_once_however_it_is_tried(server: Server) -> None:
    wrong = "researcher:" + "x" * 36
    statuses = [(await _whole_way(server, wrong)).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


async def test_a_client_that_was_disabled_gets_nothing_at_once_either(server: Server) -> None:
    assert _at_once(server, OPERATOR) is not None
    await disable_client(server.world.state, load_identity(server.world.identity), "operator")
    await server.parts.refresh()
    assert _at_once(server, OPERATOR) is None
    assert (await _whole_way(server, OPERATOR)).status_code == 401


async def test_a_secret_that_was_rotated_is_no_proof_any_more(server: Server) -> None:
    _, _, secret = RESEARCHER.partition(":")
    assert _at_once(server) is not None
    server.world.secrets.found["client-researcher"] = {"secret": "another-secret-of-many-characters"}
    server.world.clock.now += 10
    assert (await _whole_way(server, "researcher:another-secret-of-many-characters")).status_code == 200
    assert _at_once(server, f"researcher:{secret}") is None
    assert _at_once(server, "researcher:another-secret-of-many-characters") is not None


async def test_what_identity_takes_away_is_gone_with_the_file(server: Server) -> None:
    assert _at_once(server, OPERATOR, resource=CLOCK) is not None
    reach = "      http://localhost:8001/mcp: [mcp:read]\n"
    assert reach in IDENTITY
    server.world.write_identity(IDENTITY.replace(reach, ""))
    await server.parts.refresh()
    assert _at_once(server, OPERATOR, resource=CLOCK) is None
    assert _at_once(server, OPERATOR) is not None


async def test_a_client_made_at_run_time_counts_as_it_was_when_it_was_last_looked_up(server: Server) -> None:
    basic = "made:" + "m" * 36
    made = Client(client_id="made", secret_hashes=(digest("m" * 36),), resources={NOTES: ("mcp:read", "mcp:write")})
    await server.parts.clients.add(made)
    assert _at_once(server, basic) is None
    assert (await _whole_way(server, basic, scope="mcp:write")).status_code == 200
    assert _at_once(server, basic, scope="mcp:write") is not None
    await server.parts.clients.change("made", lambda client: replace(client, resources={NOTES: ("mcp:read",)}))
    server.world.clock.now += 5
    assert _at_once(server, basic, scope="mcp:write") is None
    assert (await _whole_way(server, basic, scope="mcp:write")).status_code == 400
    assert _at_once(server, basic, scope="mcp:write") is None
    assert _at_once(server, basic, scope="mcp:read") is not None


async def test_what_identity_takes_away_is_gone_for_a_client_made_at_run_time_too(server: Server) -> None:
    made = Client(client_id="made", secret_hashes=(digest("m" * 36),), resources={NOTES: ("mcp:write",)})
    await server.parts.clients.add(made)
    basic, asked = "made:" + "m" * 36, {"scope": "mcp:read"}
    assert (await _whole_way(server, basic, **asked)).status_code == 200
    assert _at_once(server, basic, **asked) is not None
    implied = "scopes:\n  mcp:write: { implies: [mcp:read] }\n"
    assert implied in IDENTITY
    server.world.write_identity(IDENTITY.replace(implied, ""))
    await server.parts.refresh()
    assert _at_once(server, basic, **asked) is None
    assert (await _whole_way(server, basic, **asked)).status_code == 400
    assert _at_once(server, basic, scope="mcp:write") is not None
