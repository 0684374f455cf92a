import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.battery.case import LEGACY
from tests.battery.wire import Answer
from tests.resource_server.conftest import House

Build = Callable[..., House]


def _listing(*names: str, **result: object) -> dict[str, Any]:
    tools = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
    return {"jsonrpc": "2.0", "id": 1, "result": {"tools": tools, **result}}


ALL = _listing("list_notes", "write_note", "delete_note", "unheard_of", cacheScope="public", ttlMs=1000, nextCursor="n")


def _names(message: Any) -> list[str]:
    return [tool["name"] for tool in message["result"]["tools"]]


def _events(body: bytes) -> list[Any]:
    lines = body.decode().replace("\r\n", "\n").split("\n")
    return [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]


async def _listed(home: House, scope: str = "mcp:read") -> Answer:
    return await home.call("tools/list", scope)


@pytest.mark.requirement("RS-32")
@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("mcp:read", ["list_notes"]),
        ("mcp:write", ["list_notes", "write_note"]),
        ("mcp:admin", ["list_notes", "write_note", "delete_note"]),
    ],
)
async def test_a_caller_sees_the_tools_it_may_call(scope: str, names: list[str], house: Build) -> None:
    home = house()
    home.app.chunks = (json.dumps(ALL).encode(),)
    home.app.headers = ((b"content-length", b"%d" % len(json.dumps(ALL))), (b"etag", b'"x"'))
    answer = await _listed(home, scope)

    assert _names(json.loads(answer.body)) == names
    assert [value for name, value in answer.headers if name == "content-length"] == [str(len(answer.body))]
    assert answer.header("etag") is None


@pytest.mark.requirement("ALL-02")
async def test_a_list_made_for_one_caller_is_marked_private_and_nothing_else_of_it_changes(house: Build) -> None:
    home = house()
    home.app.chunks = (json.dumps(ALL).encode(),)
    result = json.loads((await _listed(home)).body)["result"]

    assert {**result, "tools": []} == {"tools": [], "cacheScope": "private", "ttlMs": 1000, "nextCursor": "n"}
    home.app.chunks = (json.dumps(_listing("list_notes")).encode(),)
    assert "cacheScope" not in json.loads((await _listed(home)).body)["result"]


@pytest.mark.parametrize("scope", ["mcp:read", "mcp:admin"])
async def test_a_door_told_to_list_all_shows_what_anybody_may_call_and_refuses_as_before(
    scope: str, house: Build
) -> None:
    home = house(list_all_tools=True)
    home.app.chunks = (json.dumps(ALL).encode(),)
    listed = json.loads((await _listed(home, scope)).body)

    assert _names(listed) == ["list_notes", "write_note", "delete_note"], (
        "a tool that the door does not know is nobody's"
    )
    assert listed["result"]["cacheScope"] == "public", "the list is the same for all"
    called = await home.call("tools/call", "mcp:read", name="delete_note")
    assert called.status == 403


@pytest.mark.parametrize(
    ("offers", "header", "shown"),
    [
        (True, "all", ["list_notes", "write_note", "delete_note"]),
        (True, "none", ["list_notes"]),
        (True, "", ["list_notes"]),
        (False, "all", ["list_notes"]),
    ],
)
async def test_a_door_may_show_all_to_those_who_say_that_they_can_ask_for_more(
    *, offers: bool, header: str, shown: list[str], house: Build
) -> None:
    home = house(list_all_on_request=offers)
    home.app.chunks = (json.dumps(ALL).encode(),)
    headers = (*LEGACY, ("daca-list-tools", header))
    listed = json.loads((await home.call("tools/list", headers=headers)).body)

    assert _names(listed) == shown
    assert listed["result"]["cacheScope"] == "private"
    assert (await home.call("tools/call", "mcp:read", name="delete_note")).status == 403


def _cut(body: bytes, size: int) -> Sequence[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_an_event_stream_is_narrowed_however_it_is_cut(end: str, size: int, house: Build) -> None:
    home = house()
    note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 0.5}}
    lines = [
        ": ping",
        "",
        f"data: {json.dumps(note)}",
        "",
        "id: 7",
        "event: message",
        f"data:{json.dumps(ALL)}",
        "",
        "",
    ]
    home.app.kind = b"text/event-stream; charset=utf-8"
    home.app.chunks = _cut(end.join(lines).encode(), size)
    answer = await _listed(home)
    text = answer.body.decode().replace("\r\n", "\n").replace("\r", "\n")

    assert text.startswith(f": ping\n\ndata: {json.dumps(note)}\n\nid: 7\nevent: message\ndata: ")
    assert _names(json.loads(text.rstrip().rpartition("data: ")[2])) == ["list_notes"]


async def test_an_event_of_several_data_lines_is_one_message(house: Build) -> None:
    home = house()
    data = "".join(f"data: {line}\n" for line in json.dumps(ALL, indent=1).split("\n"))
    home.app.kind = b"text/event-stream"
    home.app.chunks = (data.encode() + b"\n",)

    assert _names(_events((await _listed(home)).body)[0]) == ["list_notes"]


async def test_a_stream_that_ends_without_a_blank_line_is_narrowed_too(house: Build) -> None:
    home = house()
    home.app.kind = b"text/event-stream"
    home.app.chunks = (b"data: " + json.dumps(ALL).encode(),)

    assert _names(_events((await _listed(home)).body)[0]) == ["list_notes"]


async def test_events_flow_as_they_come(house: Build) -> None:
    home = house()
    home.app.kind = b"text/event-stream"
    home.app.chunks = (b": ping\n\n", b"data: {}\n\n", b"data: " + json.dumps(ALL).encode() + b"\n\n")
    sent: list[bytes] = []

    async def receive() -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message.get("body", b"start"))

    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer " + home.world.token())]
    scope = {"type": "http", "method": "POST", "path": "/mcp", "query_string": b"", "headers": headers}
    await home.door(scope, receive, send)

    assert sent[:3] == [b"start", b": ping\n\n", b"data: {}\n\n"]
    assert len(sent) == 5


async def test_a_list_that_comes_over_the_stream_of_a_get_is_narrowed(house: Build) -> None:
    home = house()
    home.app.kind = b"text/event-stream"
    home.app.chunks = (b"data: " + json.dumps(ALL).encode() + b"\n\n",)

    assert _names(_events((await home.knock()).body)[0]) == ["list_notes"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"tools"',
        b'{"error": {"data": {"tools": []}}}',
        b'["tools"]',
        b'{"result": {"tools": 5}}',
        b'{"result": ["tools"]}',
    ],
)
async def test_what_is_no_list_passes_untouched(body: bytes, house: Build) -> None:
    home = house()
    home.app.chunks = (body,)

    assert (await _listed(home)).body == body


async def test_a_tool_without_a_name_is_not_shown(house: Build) -> None:
    home = house()
    home.app.chunks = (json.dumps({"result": {"tools": [{}, "x", {"name": 5}, {"name": "list_notes"}]}}).encode(),)

    assert _names(json.loads((await _listed(home)).body)) == ["list_notes"]


async def test_other_answers_are_not_held_back(house: Build) -> None:
    home = house()
    home.app.kind = b"text/plain"
    home.app.chunks = (b'{"result": {"tools": [{"name": "x"}]}}',)

    assert (await _listed(home)).body == home.app.chunks[0]
    home.app.kind = b"application/json"
    assert (await home.call("ping")).body == home.app.chunks[0]


async def test_the_app_is_not_asked_to_compress_what_the_door_must_read(house: Build) -> None:
    home = house()
    token = home.world.token()
    await home.knock(token, ("Accept-Encoding", "gzip"), ("Range", "bytes=0-1"), ("Accept", "text/event-stream"))
    names = {name for name, _ in home.app.reached[0]["headers"]}

    assert names >= {b"accept", b"host"}
    assert not names & {b"accept-encoding", b"range"}
    home.app.headers = ((b"content-encoding", b"gzip"),)
    with pytest.raises(RuntimeError, match="compress outside"):
        await _listed(home)
