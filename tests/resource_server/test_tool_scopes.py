import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from resource_server import RateLimit
from resource_server.body import Disconnected, check_length, read_body, replay
from resource_server.errors import TooLarge
from resource_server.rules.rfc9110_fields import Fields
from tests.battery.case import LEGACY, bearer, path_of, rpc
from tests.battery.wire import Request
from tests.resource_server.conftest import House

Build = Callable[..., House]
MODERN = (*LEGACY[:2], ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"))


@pytest.mark.requirement("RS-18", "RS-19", "RS-21")
@pytest.mark.parametrize(
    ("scope", "tool", "missing"),
    [
        ("mcp:read", "list_notes", None),
        ("mcp:read", "write_note", "mcp:read mcp:write"),
        ("mcp:read", "delete_note", "mcp:read mcp:write mcp:delete"),
        ("mcp:write", "list_notes", None),
        ("mcp:write", "write_note", None),
        ("mcp:write", "delete_note", "mcp:read mcp:write mcp:delete"),
        ("mcp:delete", "delete_note", "mcp:read mcp:write mcp:delete"),
        ("mcp:write mcp:delete", "delete_note", None),
        ("mcp:admin", "delete_note", None),
        ("", "list_notes", "mcp:read"),
    ],
)
async def test_a_tool_takes_all_its_scopes_or_a_broader_one(
    scope: str, tool: str, missing: str | None, house: Build
) -> None:
    home = house()
    answer = await home.call("tools/call", scope, name=tool)

    assert answer.status == (200 if missing is None else 403)
    assert len(home.app.reached) == (missing is None)
    challenge = answer.header("www-authenticate") or ""
    assert (f'scope="{missing}"' in challenge) == (missing is not None)
    assert ('error="insufficient_scope"' in challenge) == (missing is not None)


@pytest.mark.requirement("RS-18")
async def test_a_refused_call_tells_an_mcp_client_under_its_own_id(house: Build) -> None:
    answer = await house().call("tools/call", name="write_note")
    body = json.loads(answer.body)

    assert (body["jsonrpc"], body["id"]) == ("2.0", 1)
    assert "mcp:write" in body["error"]["message"]
    assert body["error"]["data"] == {
        "error": "insufficient_scope",
        "error_description": "this operation needs the scope mcp:read mcp:write",
        "scope": "mcp:read mcp:write",
    }


@pytest.mark.requirement("RS-32")
async def test_a_tool_without_a_scope_is_callable_by_nobody(house: Build) -> None:
    home = house()
    answer = await home.call("tools/call", "mcp:read mcp:write mcp:delete mcp:admin", name="drop_database")

    assert (answer.status, home.app.reached) == (400, [])
    assert json.loads(answer.body)["error"]["code"] == -32602
    assert answer.header("www-authenticate") is None


@pytest.mark.parametrize(
    "method", ["initialize", "ping", "tools/list", "prompts/get", "resources/read", "x/unknown", "Tools/Call"]
)
async def test_everything_else_takes_the_baseline(method: str, house: Build) -> None:
    home = house()

    assert (await home.call(method)).status == 200
    assert (await home.call(method, "mcp:list")).status == 403


async def test_the_app_reads_the_body_as_if_nobody_had_looked(house: Build) -> None:
    home = house()
    await home.call("tools/call", name="list_notes", arguments={"text": "größe " * 30_000})

    assert home.request_bodies[0]["params"]["arguments"]["text"] == "größe " * 30_000


async def test_streams_and_sessions_of_earlier_revisions_pass_with_the_baseline(house: Build) -> None:
    home = house()

    assert [(await home.knock(method=method)).status for method in ("GET", "DELETE")] == [200, 200]
    poor = home.world.token(claims=home.world.claims(scope=""))
    assert [(await home.knock(poor, method=method)).status for method in ("GET", "DELETE")] == [403, 403]


@pytest.mark.requirement("RS-40")
async def test_a_call_of_2026_passes_when_headers_and_body_agree(house: Build) -> None:
    home = house()

    assert (
        await home.call("tools/call", headers=(*MODERN, ("Mcp-Name", "list_notes")), name="list_notes")
    ).status == 200
    answer = await home.call("tools/call", headers=(*MODERN, ("Mcp-Name", "list_notes")), name="write_note")
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize("tools", [{}, None])
async def test_a_body_may_be_as_large_as_the_bound_and_no_larger(tools: dict[str, str] | None, house: Build) -> None:
    home = house(max_body=2000, tools=tools)

    async def post(size: int, *, chunked: bool) -> int:
        padding = "x" * (size - len(rpc("ping", {"x": ""})))
        request = Request(target=path_of(home.world), headers=(*LEGACY, *bearer(home.world)), chunked=chunked)
        body = rpc("ping", {"x": padding})
        return (
            await home.send(Request(target=request.target, headers=request.headers, body=body, chunked=chunked))
        ).status

    assert [await post(size, chunked=chunked) for chunked in (False, True) for size in (2000, 2001)] == [
        200,
        413,
        200,
        413,
    ]


@pytest.mark.parametrize("length", [b"-1", b"abc", b"1e3", b"9" * 30, b"9" * 5000, b"0" * 20 + b"999", b""])
def test_a_length_that_is_none_is_too_large(length: bytes) -> None:
    with pytest.raises(TooLarge):
        check_length(Fields([(b"content-length", length)]), 100)
    with pytest.raises(TooLarge):
        check_length(Fields([(b"content-length", b"1"), (b"content-length", length)]), 100)


async def test_an_endless_body_is_cut_off_at_the_bound() -> None:
    pulled = 0

    async def endless() -> Any:
        nonlocal pulled
        pulled += 1
        return {"type": "http.request", "body": b"x" * 60, "more_body": True}

    with pytest.raises(TooLarge):
        await read_body(endless, 100)
    assert pulled == 2


async def test_a_client_that_leaves_midway_reaches_nothing(house: Build) -> None:
    home = house()
    messages: list[Any] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer " + home.world.token())]
    scope = {"type": "http", "method": "POST", "path": "/mcp", "query_string": b"", "headers": headers}
    await home.door(scope, receive, send)

    assert (home.app.reached, sent) == ([], [])
    messages.append({"type": "http.disconnect"})
    with pytest.raises(Disconnected):
        await read_body(receive, 100)


@pytest.mark.requirement("RS-46")
async def test_the_app_still_hears_that_the_client_left() -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    receive = replay(b"x", gone)
    assert [(await receive())["type"] for _ in range(3)] == ["http.request", "http.disconnect", "http.disconnect"]


@pytest.mark.requirement("RS-32")
async def test_tool_calls_are_counted_for_each_caller(house: Build) -> None:
    home = house(rate_limit=RateLimit(per_second=0.5, burst=2))
    statuses = [(await home.call("tools/call", name="list_notes")).status for _ in range(3)]
    assert statuses == [200, 200, 429]

    refused = await home.call("tools/call", name="list_notes")
    assert refused.header("retry-after") == "2"
    assert (await home.call("tools/list")).status == 200
    other = home.world.token(claims=home.world.claims(sub="someone-else"))
    request = Request(
        target=path_of(home.world),
        headers=(*LEGACY, *bearer(home.world, other)),
        body=rpc("tools/call", {"name": "list_notes"}),
    )
    assert (await home.send(request)).status == 200
    home.clock.now += 2
    assert [(await home.call("tools/call", name="list_notes")).status for _ in range(2)] == [200, 429]


@pytest.mark.requirement("RS-32")
async def test_a_refused_call_costs_nothing_and_no_limit_is_possible(house: Build) -> None:
    home = house(rate_limit=RateLimit(per_second=1, burst=1))
    for _ in range(3):
        assert (await home.call("tools/call", name="write_note")).status == 403
    assert (await home.call("tools/call", name="list_notes")).status == 200
    free = house(rate_limit=None)
    assert {(await free.call("tools/call", name="list_notes")).status for _ in range(50)} == {200}


async def test_callers_at_the_same_time_are_not_mixed_up(house: Build) -> None:
    home = house()
    inside = asyncio.Event()
    seen: list[tuple[str, str]] = []

    async def slow(scope: Any, _receive: Any, send: Any) -> None:
        from resource_server import current_caller  # noqa: PLC0415  as a tool would

        before = current_caller().subject
        inside.set()
        await asyncio.sleep(0)
        seen.append((before, current_caller().subject))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    home.door.app = slow
    await asyncio.gather(
        *(home.knock(home.world.token(claims=home.world.claims(sub=f"caller-{n}"))) for n in range(10))
    )
    assert sorted(seen) == sorted((f"caller-{n}", f"caller-{n}") for n in range(10))
