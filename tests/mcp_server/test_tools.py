"""What the tools say to their callers, over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver.exceptions import ToolError

from mcp_server.catalogue import scopes_of, tools_of
from mcp_server.notebook import Notebook
from mcp_server.tools.clock import ClockTools
from mcp_server.tools.notes import MAX_TEXT, NotesTools
from sidecar.embedded import SqliteState

Call = Callable[..., Any]
Modern = Callable[..., tuple[dict[str, Any], dict[str, str]]]
Post = Callable[..., Any]
NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


async def test_a_note_is_written_read_found_listed_and_deleted(call: Call) -> None:
    written = await call("write_note", name="Shopping", text="milk and BREAD")
    assert (written["version"], written["created_by"]) == (1, {"subject": "ada", "client_id": "desk", "actors": []})
    assert (await call("read_note", name="Shopping"))["text"] == "milk and BREAD"
    assert (await call("search_notes", query="bread"))["hits"][0]["excerpt"] == "milk and BREAD"
    assert (await call("search_notes", query="SHOP"))["total"] == 1
    assert (await call("search_notes", query="tea")) == {"hits": [], "total": 0}
    assert [note["name"] for note in (await call("list_notes"))["notes"]] == ["Shopping"]
    assert await call("delete_note", name="Shopping", version=1) == {"name": "Shopping", "version": 1}
    assert (await call("list_notes"))["total"] == 0


async def test_a_search_returns_no_more_than_asked_for_and_counts_all(call: Call) -> None:
    for number in range(4):
        await call("write_note", name=f"note {number}", text="x" * 500 + " needle " + "y" * 500)
    found = await call("search_notes", query="needle", limit=2)
    assert (len(found["hits"]), found["total"]) == (2, 4)
    assert len(found["hits"][0]["excerpt"]) < 200


async def test_a_lost_update_is_refused_with_the_way_out(call: Call) -> None:
    await call("write_note", name="plan", text="one")
    refusal = await call("write_note", name="plan", text="two")
    assert "version 1 now: read it" in refusal
    assert (await call("write_note", name="plan", text="two", version=1))["version"] == 2


async def test_a_note_that_is_not_there_is_refused_with_the_way_to_the_names(call: Call) -> None:
    assert "list_notes and search_notes tell the names" in await call("read_note", name="nothing")


@pytest.mark.requirement("RS-32")
@pytest.mark.parametrize(
    ("tool", "arguments", "why"),
    [
        ("write_note", {"name": "a\nb", "text": ""}, "one line"),
        ("write_note", {"name": " a", "text": ""}, "without spaces"),
        ("write_note", {"name": "a\x1b[2J", "text": ""}, "U+001B"),
        ("write_note", {"name": "a\u202eb", "text": ""}, "U+202E"),
        ("write_note", {"name": "", "text": ""}, "at least 1 character"),
        ("write_note", {"name": "x" * 101, "text": ""}, "at most 100"),
        ("write_note", {"name": "a", "text": "\x00"}, "U+0000"),
        ("write_note", {"name": "a", "text": "x" * (MAX_TEXT + 1)}, f"at most {MAX_TEXT}"),
        ("write_note", {"name": "a", "text": "", "version": 0}, "greater than or equal to 1"),
        ("write_note", {"name": "a"}, "text: Field required"),
        ("write_note", {"name": "a", "text": "", "author": "root"}, "does not know 'author'"),
        ("search_notes", {"query": ""}, "at least 1 character"),
        ("search_notes", {"query": "a", "limit": 51}, "less than or equal to 50"),
        ("read_note", {"name": {"$ne": 1}}, "valid string"),
    ],
    ids=str,
)
async def test_input_is_validated_and_the_refusal_says_what_is_wrong(
    call: Call, tool: str, arguments: dict[str, Any], why: str
) -> None:
    refusal = await call(tool, **arguments)
    assert why in refusal
    assert "errors.pydantic.dev" not in refusal
    assert "input_value" not in refusal
    assert (await call("list_notes"))["total"] == 0


async def test_two_spellings_that_look_the_same_name_one_note(call: Call) -> None:
    await call("write_note", name="caf\u00e9", text="open")
    assert (await call("read_note", name="cafe\u0301"))["text"] == "open"


async def test_a_store_that_is_away_is_said_so(tmp_path: Path) -> None:
    unusable = SqliteState(tmp_path, "notes")
    with pytest.raises(ToolError, match="storage does not answer"):
        await NotesTools(Notebook(unusable), lambda: pytest.fail("nobody writes")).list_notes()


async def test_every_tool_says_what_it_does_and_needs(notes: Post, modern: Modern) -> None:
    body, headers = modern("tools/list")
    tools = {tool["name"]: tool for tool in (await notes(body, **headers)).json()["result"]["tools"]}
    hints = {
        name: (tool["annotations"]["readOnlyHint"], tool["annotations"]["destructiveHint"])
        for name, tool in tools.items()
    }
    assert hints == {
        "list_notes": (True, False),
        "search_notes": (True, False),
        "read_note": (True, False),
        "write_note": (False, True),
        "delete_note": (False, True),
    }
    assert all(tool["outputSchema"]["type"] == "object" for tool in tools.values())
    assert all(tool["inputSchema"]["additionalProperties"] is False for tool in tools.values())
    assert tools["write_note"]["inputSchema"]["properties"]["text"]["maxLength"] == MAX_TEXT


def test_the_scopes_stand_beside_the_tools(state: SqliteState) -> None:
    notes = NotesTools(Notebook(state), lambda: pytest.fail("nobody calls"))
    assert scopes_of(notes) == {
        "list_notes": "mcp:read",
        "search_notes": "mcp:read",
        "read_note": "mcp:read",
        "write_note": "mcp:write",
        "delete_note": "mcp:delete",
    }
    assert scopes_of(ClockTools()) == {"get_time": "mcp:read"}
    assert [tool.name for tool in tools_of(notes)] == list(scopes_of(notes))


@pytest.mark.parametrize(
    ("zone", "iso", "offset"),
    [
        ("UTC", "2026-07-01T12:00:00+00:00", "+00:00"),
        ("Europe/Berlin", "2026-07-01T14:00:00+02:00", "+02:00"),
        ("asia/kolkata", "2026-07-01T17:30:00+05:30", "+05:30"),
        ("America/St_Johns", "2026-07-01T09:30:00-02:30", "-02:30"),
    ],
)
async def test_the_clock_shows_the_time_of_a_zone(zone: str, iso: str, offset: str) -> None:
    time = await ClockTools(lambda: NOON).get_time(zone)
    assert (time.iso_time, time.utc_offset, time.weekday) == (iso, offset, "Wednesday")
    assert time.unix_seconds == int(NOON.timestamp())


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Berlin", "Did you mean Europe/Berlin?"),
        ("Europe/Berln", "Europe/Berlin"),
        ("../../etc/passwd", "Try a name such as"),
        ("/etc/localtime", "is not an IANA time zone"),
        ("Mars/Olympus", "is not an IANA time zone"),
    ],
)
async def test_an_unknown_zone_is_refused_with_a_hint(zone: str, hint: str) -> None:
    with pytest.raises(ToolError, match=r"is not an IANA time zone") as refusal:
        await ClockTools(lambda: NOON).get_time(zone)
    assert hint in str(refusal.value)
