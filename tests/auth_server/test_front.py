import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message, Scope

from auth_server.endpoints.wire import Answer, Request
from auth_server.errors import InvalidTarget
from auth_server.front import Front, Route
from auth_server.rules.rfc8707_resource import canonical
from tests.auth_server.world import NOTES, RESEARCHER, Server


async def _ask(front: Front, messages: Iterable[Message]) -> tuple[int, bytes]:
    """One POST whose body comes as it comes; after the last message nothing comes any more."""
    left, sent = list(messages), list[Message]()

    async def receive() -> Message:
        if left:
            return left.pop(0)
        return await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/x", "headers": [], "query_string": b""}
    await front(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def _behind(*_: object) -> None:
    pytest.fail("nothing here goes behind the front")


def _front(**given: Any) -> Front:
    async def echo(request: Request) -> Answer:
        return Answer(body=request.body)

    return Front(behind=_behind, routes={"/x": Route(name="x", endpoint=given.get("endpoint", echo))})


def _part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_pieces_is_one_body() -> None:
    assert await _ask(_front(), [_part(b"a"), _part(b""), _part(b"b", more=False)]) == (200, b"ab")


async def test_a_body_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await _ask(_front(), [_part(b"x" * 20_000)] * 3))[0] == 413
    monkeypatch.setattr("auth_server.front._BODY_SECONDS", 0.01)
    for messages in ([], [_part(b"a")]):
        assert (await _ask(_front(), messages))[0] == 400
    assert (await _ask(_front(), [_part(b"a"), {"type": "http.disconnect"}]))[0] == 400


async def test_what_breaks_inside_is_told_in_oauths_form_without_details() -> None:
    async def broken(_request: Request) -> Answer:
        raise RuntimeError("a secret detail")

    with structlog.testing.capture_logs() as logs:
        status, body = await _ask(_front(endpoint=broken), [_part(b"", more=False)])
    assert status == 500
    assert b'"error":"server_error"' in body
    assert b"detail" not in body
    assert logs[0]["log_level"] == "error"


@pytest.mark.requirement("ALL-01")
async def test_each_decision_is_one_log_line_without_any_credential(server: Server) -> None:
    with structlog.testing.capture_logs() as logs:
        issued = await server.token(resource=NOTES)
        await server.token(resource=NOTES, scope="mcp:write")
        await server.token(basic="researcher:the-wrong-secret")
        await server.token(basic="who is that:the-wrong-secret")
    assert [(line["event"], line["outcome"], line.get("client")) for line in logs] == [
        ("token", "issued", "researcher"),
        ("token", "invalid_scope", "researcher"),
        ("token", "invalid_client", "researcher"),
        ("token", "invalid_client", "malformed"),
    ]
    assert (logs[0]["resource"], logs[0]["scope"]) == (NOTES, "mcp:read")
    assert (logs[1]["resource"], logs[2]["reason"]) == (NOTES, "wrong secret")
    text = str(logs)
    for secret in (issued.json()["access_token"], RESEARCHER.partition(":")[2], "the-wrong-secret"):
        assert secret not in text


NAMES = st.sampled_from(
    [
        "grant_type",
        "resource",
        "scope",
        "audience",
        "client_id",
        "client_secret",
        "token",
        "client_assertion",
        "client_assertion_type",
        "x",
    ]
)
FORMS = st.lists(st.tuples(NAMES, st.text() | st.sampled_from(["client_credentials", NOTES, "mcp:read"])), max_size=6)
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


@FUZZ
@given(
    body=FORMS,
    headers=st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=255)), max_size=2),
    path=st.sampled_from(["/token", "/introspect", "/revoke", "/register"]),
)
async def test_no_request_breaks_an_endpoint(
    server: Server, body: list[tuple[str, str]], headers: list[str], path: str
) -> None:
    content = "&".join(f"{name}={value}" for name, value in body).encode("utf-8", "replace")
    sent = [("content-type", "application/x-www-form-urlencoded")]
    raw = [(b"authorization", value.strip().encode("latin-1")) for value in headers]
    answer = await server.http.post(path, content=content, headers=[(n.encode(), v.encode()) for n, v in sent] + raw)
    assert answer.status_code < 500
    assert answer.status_code == 200 or answer.json()["error"]


@given(st.text())
def test_a_canonical_resource_is_its_own_canonical_form(uri: str) -> None:
    with suppress(InvalidTarget):
        assert canonical(canonical(uri)) == canonical(uri)


async def test_an_unknown_path_is_not_found(server: Server) -> None:
    assert (await server.http.get("/nowhere")).status_code == 404
