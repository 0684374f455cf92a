"""`daca token` and `daca call`: against this system, and as strangers to somebody else's."""

import json
from typing import Any

import pytest

PROTOCOLS = ["2025-06-18", "2025-11-25", "2026-07-28"]


@pytest.mark.parametrize("protocol", [*PROTOCOLS, None])
def test_tools_are_listed_and_called_in_each_revision(running: Any, protocol: str | None) -> None:
    world, _ = running
    asked = ["--client", "operator", *(["--protocol", protocol] if protocol else [])]
    tools = world.json("call", world.urls["clock"], *asked)["tools"]
    assert [tool["name"] for tool in tools] == ["get_time"]
    told = world.json("call", world.urls["clock"], "get_time", "--args", '{"time_zone": "Asia/Karachi"}', *asked)
    assert told["structuredContent"]["time_zone"] == "Asia/Karachi"
    assert told["isError"] is False


def test_a_note_that_was_written_is_read_back(running: Any) -> None:
    world, _ = running
    note = {"name": "kept", "text": "by the state store"}
    world.ok("call", "notes", "write_note", "--args", json.dumps(note), "--client", "operator")
    read = world.json("call", "notes", "read_note", "--args", '{"name": "kept"}', "--client", "researcher")
    assert read["structuredContent"]["text"] == "by the state store"


def test_the_tools_one_sees_are_those_one_may_call(running: Any) -> None:
    world, _ = running
    seen = [line.split("\t")[0] for line in world.ok("call", "notes", "--client", "researcher").splitlines()]
    assert seen == ["list_notes", "search_notes", "read_note"]


def test_token_prints_just_the_token(running: Any) -> None:
    world, _ = running
    done = world.daca("token", world.urls["notes"], "--client", "operator", "--scope", "mcp:write")
    assert done.stderr == ""
    assert done.stdout.startswith("eyJ")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("token", "notes", "--client", "researcher", "--scope", "mcp:delete"), 1, "invalid_scope"),
        (("token", "notes", "--client", "nobody"), 1, "no secret of client nobody"),
        (("token", "nowhere", "--client", "operator"), 2, "no resource named nowhere"),
        (("token", "notes"), 2, "--client"),
        (
            ("call", "notes", "delete_note", "--args", '{"name":"x","version":1}', "--client", "researcher"),
            1,
            "mcp:delete",
        ),
        (
            ("call", "notes", "read_note", "--args", '{"name":"none such"}', "--client", "operator"),
            1,
            "the tool failed",
        ),
        (("call", "notes", "no_such_tool", "--client", "operator"), 1, "Unknown tool"),
        (("call", "notes", "read_note", "--args", "[]", "--client", "operator"), 2, "JSON object"),
        (("call", "notes", "read_note", "--args", "{", "--client", "operator"), 2, "not JSON"),
        (("call", "notes", "--protocol", "1999-01-01", "--client", "operator"), 2, "1999-01-01"),
        (("call", "http://localhost:9/mcp", "--client", "operator"), 1, "nobody answers"),
    ],
)
def test_a_refusal_is_one_line_that_says_why(running: Any, arguments: tuple[str, ...], code: int, why: str) -> None:
    world, _ = running
    assert why in world.refused(*arguments, code=code)


def test_a_secret_of_this_system_is_never_shown_to_another_issuer(world: Any, running: Any) -> None:
    """A stranger's resource names an issuer of its own; whoever follows it with our secret has given it away."""
    stranger, _ = running
    world.ok("client", "add", "mine", "--resource", "notes", "--scope", "mcp:read", "--embedded")
    said = world.refused("call", stranger.urls["notes"], "--client", "mine")
    assert stranger.urls["auth-server"] in said
    assert "issuer" in said


def test_a_foreign_server_takes_the_secret_that_the_user_brings(world: Any, running: Any) -> None:
    stranger, _ = running
    added = stranger.json("client", "add", "abroad", "--resource", "clock", "--scope", "mcp:read")
    told = world.json(
        *("call", stranger.urls["clock"], "get_time", "--client", "abroad"),
        DACA_CLIENT_SECRET=added["client_secret"],
    )
    assert told["structuredContent"]["time_zone"] == "UTC"
