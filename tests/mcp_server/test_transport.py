"""The wire, row by row: what all three revisions demand of a server, asked with raw requests."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel

from mcp_server.catalogue import tool
from mcp_server.endpoint import MAX_BODY
from mcp_server.server import mcp_server, served

Modern = Callable[..., tuple[dict[str, Any], dict[str, str]]]
Message = Callable[..., dict[str, Any]]
Post = Callable[..., Any]

HANDSHAKE = ("2025-06-18", "2025-11-25")
TIME = {"name": "get_time", "arguments": {"time_zone": "UTC"}}


def opening(version: str) -> dict[str, Any]:
    return {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


@pytest.mark.requirement("CL-39", "RS-47")
@pytest.mark.parametrize("version", HANDSHAKE)
async def test_initialize_is_answered_in_the_revision_that_was_asked_for(
    clock: Post, message: Message, version: str
) -> None:
    answer = await clock(message("initialize", opening(version)))
    assert answer.status_code == 200
    assert answer.json()["result"]["protocolVersion"] == version


@pytest.mark.parametrize("version", ["1999-01-01", "2026-07-28"])
async def test_an_initialize_of_another_revision_is_offered_our_newest_with_a_handshake(
    clock: Post, message: Message, version: str
) -> None:
    answer = await clock(message("initialize", opening(version)))
    assert answer.json()["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.requirement("RS-36")
@pytest.mark.parametrize("version", HANDSHAKE)
async def test_a_request_gets_one_json_object_and_no_session(clock: Post, message: Message, version: str) -> None:
    answer = await clock(message("tools/call", TIME), mcp_protocol_version=version)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert "mcp-session-id" not in answer.headers
    assert answer.json()["result"]["structuredContent"]["time_zone"] == "UTC"


@pytest.mark.requirement("RS-36")
@pytest.mark.parametrize("version", [*HANDSHAKE, "2026-07-28"])
async def test_an_accepted_notification_gets_202_without_a_body(clock: Post, version: str) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = await clock(note, mcp_protocol_version=version)
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.requirement("RS-37")
async def test_a_request_without_a_version_header_is_taken_for_2025_03_26(clock: Post, message: Message) -> None:
    answer = await clock(message("tools/call", TIME))
    assert answer.json()["result"]["isError"] is False


@pytest.mark.requirement("RS-37", "RS-41")
@pytest.mark.parametrize("version", ["2024-01-01", "2027-01-01", "nonsense", ""])
async def test_an_unsupported_version_is_refused_with_the_list_of_supported_ones(
    clock: Post, message: Message, version: str
) -> None:
    answer = await clock(message("tools/list", number=7), mcp_protocol_version=version)
    assert answer.status_code == 400
    assert answer.json()["id"] == 7
    assert answer.json()["error"]["code"] == -32022
    assert {"2025-06-18", "2025-11-25", "2026-07-28"} <= set(answer.json()["error"]["data"]["supported"])


@pytest.mark.requirement("RS-35")
@pytest.mark.parametrize("version", [None, *HANDSHAKE, "2026-07-28"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD"])
async def test_only_post_is_served(method: str, version: str | None) -> None:
    headers = {"accept": "text/event-stream"} | ({} if version is None else {"mcp-protocol-version": version})
    app = served(mcp_server("clock", Sleeper()))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as http:
        answer = await http.request(method, "/mcp", headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_trailing_slash_is_not_redirected() -> None:
    app = served(mcp_server("clock", Sleeper()))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as http:
        assert (await http.post("/mcp/")).status_code == 404


@pytest.mark.requirement("RS-35", "RS-43")
@pytest.mark.parametrize("version", [*HANDSHAKE, "2026-07-28"])
async def test_session_headers_change_nothing(clock: Post, modern: Modern, message: Message, version: str) -> None:
    body, headers = modern("tools/call", TIME)
    if version in HANDSHAKE:
        body, headers = message("tools/call", TIME), {"mcp_protocol_version": version}
    answer = await clock(body, **headers, mcp_session_id="stolen", last_event_id="4")
    assert answer.json()["result"]["isError"] is False
    assert "mcp-session-id" not in answer.headers


@pytest.mark.requirement("RS-40")
async def test_the_space_around_a_headers_value_is_no_part_of_it(clock: Post, modern: Modern) -> None:
    body, headers = modern("tools/call", TIME)
    answer = await clock(body, **{name: f" {value}\t" for name, value in headers.items()})
    assert answer.json()["result"]["isError"] is False


@pytest.mark.requirement("RS-42", "RS-45", "CM-02")
async def test_discover_names_versions_capabilities_and_the_extension(clock: Post, modern: Modern) -> None:
    body, headers = modern("server/discover")
    result = (await clock(body, **headers)).json()["result"]
    assert "2026-07-28" in result["supportedVersions"]
    assert "tools" in result["capabilities"]
    assert "io.modelcontextprotocol/oauth-client-credentials" in result["capabilities"]["extensions"]
    assert (result["resultType"], result["cacheScope"], result["ttlMs"]) == ("complete", "private", 300_000)


@pytest.mark.requirement("RS-45")
async def test_every_result_says_its_type_and_lists_how_long_they_are_good(clock: Post, modern: Modern) -> None:
    body, headers = modern("tools/list")
    listed = (await clock(body, **headers)).json()["result"]
    body, headers = modern("tools/call", TIME)
    called = (await clock(body, **headers)).json()["result"]
    assert (listed["resultType"], listed["ttlMs"], listed["cacheScope"]) == ("complete", 60_000, "private")
    assert called["resultType"] == "complete"


@pytest.mark.requirement("RS-39")
@pytest.mark.parametrize("missing", ["protocolVersion", "clientCapabilities", None])
async def test_missing_meta_fields_are_invalid_params(clock: Post, modern: Modern, missing: str | None) -> None:
    body, headers = modern("tools/list")
    if missing is None:
        del body["params"]["_meta"]
    else:
        del body["params"]["_meta"][f"io.modelcontextprotocol/{missing}"]
    answer = await clock(body, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32602)


@pytest.mark.requirement("RS-40")
@pytest.mark.parametrize(
    "change",
    [
        {"mcp_method": ""},
        {"mcp_method": "tools/list"},
        {"mcp_name": ""},
        {"mcp_name": "delete_note"},
        {"mcp_name": "=?base64?ZGVsZXRlX25vdGU=?="},
        {"mcp_protocol_version": "2025-11-25"},
        {"mcp_protocol_version": None},
    ],
    ids=str,
)
async def test_a_header_that_is_missing_or_contradicts_the_body_is_refused(
    clock: Post, modern: Modern, change: dict[str, str | None]
) -> None:
    body, headers = modern("tools/call", TIME)
    kept = {name: value for name, value in (headers | change).items() if value}
    answer = await clock(body, **kept)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020)


@pytest.mark.requirement("RS-40")
async def test_a_name_in_the_base64_form_is_compared_decoded(clock: Post, modern: Modern) -> None:
    body, headers = modern("tools/call", TIME)
    answer = await clock(body, **headers | {"mcp_name": "=?base64?Z2V0X3RpbWU=?="})
    assert answer.json()["result"]["isError"] is False


@pytest.mark.requirement("RS-41")
async def test_an_unknown_method_is_not_found(clock: Post, modern: Modern) -> None:
    body, headers = modern("notes/steal")
    answer = await clock(body, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, -32601)


@pytest.mark.parametrize("version", [*HANDSHAKE, "2026-07-28"])
@pytest.mark.parametrize("body", [b"[]", b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]', b"{", b"", b"[" * 90_000])
async def test_batches_and_broken_bodies_are_refused(clock: Post, version: str, body: bytes) -> None:
    assert (await clock(body, mcp_protocol_version=version)).status_code == 400


@pytest.mark.parametrize("version", [*HANDSHAKE, "2026-07-28"])
async def test_a_body_over_the_limit_is_refused(clock: Post, version: str) -> None:
    assert (await clock(b" " * (MAX_BODY + 1), mcp_protocol_version=version)).status_code == 413


async def test_a_body_without_end_is_not_read_to_its_end() -> None:
    app, read, said = served(mcp_server("clock", Sleeper())), list[int](), list[Any]()

    async def receive() -> dict[str, Any]:
        read.append(1)
        assert len(read) < 100
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    async def send(message: Any) -> None:
        said.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/mcp", "headers": [], "query_string": b""}
    async with app.lifespan_context(app):
        await app(scope, receive, send)
    assert said[0]["status"] == 413


class Slept(BaseModel):
    """How the sleep ended."""

    ended: str


class Sleeper:
    """A tool that waits until it is let go, and remembers whether it was cancelled."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.let_go = asyncio.Event()
        self.ended = asyncio.Event()
        self.how = ""

    @tool(scope="mcp:read", title="Sleep", read_only=True)
    async def sleep(self) -> Slept:
        """Sleep until let go."""
        self.started.set()
        try:
            await self.let_go.wait()
            self.how = "woken"
        except asyncio.CancelledError:
            self.how = "cancelled"
            raise
        finally:
            self.ended.set()
        return Slept(ended=self.how)


async def _hang_up(sleeper: Sleeper, body: object, headers: dict[str, str]) -> None:
    """One request whose client goes away while the tool runs."""
    app = served(mcp_server("clock", sleeper))
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    given += [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]
    incoming = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop()
        await sleeper.started.wait()
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pass

    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": given, "query_string": b""}
    async with app.lifespan_context(app), asyncio.timeout(60):
        serving = asyncio.create_task(app(scope, receive, send))
        await sleeper.started.wait()
        if headers["mcp_protocol_version"] in HANDSHAKE:
            sleeper.let_go.set()
        await sleeper.ended.wait()
        await serving


@pytest.mark.requirement("RS-46")
async def test_hanging_up_cancels_the_call_of_2026_07_28(modern: Modern) -> None:
    sleeper = Sleeper()
    await _hang_up(sleeper, *modern("tools/call", {"name": "sleep", "arguments": {}}))
    assert sleeper.how == "cancelled"


@pytest.mark.requirement("RS-46")
@pytest.mark.parametrize("version", HANDSHAKE)
async def test_hanging_up_cancels_nothing_in_earlier_revisions(message: Message, version: str) -> None:
    sleeper = Sleeper()
    call = message("tools/call", {"name": "sleep", "arguments": {}})
    await _hang_up(sleeper, call, {"mcp_protocol_version": version})
    assert sleeper.how == "woken"


async def test_two_callers_are_served_at_the_same_time(modern: Modern) -> None:
    sleeper = Sleeper()
    app = served(mcp_server("clock", sleeper))
    body, headers = modern("tools/call", {"name": "sleep", "arguments": {}})
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"accept": "*/*"}
    transport = httpx2.ASGITransport(app)
    async with app.lifespan_context(app), httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        asleep = asyncio.create_task(http.post("/mcp", json=body, headers=named))
        await sleeper.started.wait()
        body, headers = modern("tools/list")
        named = {name.replace("_", "-"): value for name, value in headers.items()} | {"accept": "*/*"}
        assert (await http.post("/mcp", json=body, headers=named)).status_code == 200
        sleeper.let_go.set()
        assert (await asleep).json()["result"]["structuredContent"] == {"ended": "woken"}
