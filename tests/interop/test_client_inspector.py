"""The MCP Inspector, on the command line, against our authorization server and the notes."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.interop.document import GRANTS, Documents
from tests.interop.program import INSPECTOR, Desk
from tests.interop.visit import told
from tests.ports import free_port

pytestmark = [pytest.mark.xdist_group("interop"), pytest.mark.needs("node")]


@pytest.mark.requirement("AS-07", "AS-12")
@pytest.mark.parametrize("era", ["legacy", "auto", "modern"])
@pytest.mark.parametrize("way", ["registration", "document"])
def test_the_inspector_signs_in_and_calls_a_tool(era: str, way: str, desk: Desk, documents: Documents) -> None:
    url = documents.publish("inspector", "http://127.0.0.1/oauth/callback")
    back = f"http://127.0.0.1:{free_port()}/oauth/callback"
    known = ["--client-metadata-url", url] if way == "document" else []

    result, (visited,) = call(desk, era, back, "list_notes", *known)

    assert result["isError"] is False
    assert "notes" in result["structuredContent"]
    request = told(visited)
    assert (request["client_id"] == url) is (way == "document")
    assert (request["redirect_uri"], request["resource"]) == (back, desk.town.place.resource)


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("grants", [GRANTS, GRANTS[:1]], ids=["with a refresh token", "without"])
def test_the_inspector_is_stepped_up_when_a_tool_that_it_is_shown_wants_more(
    era: str, grants: Sequence[str], showing_desk: Desk, documents: Documents
) -> None:
    url = documents.publish(f"inspector-{era}-{len(grants)}", "http://127.0.0.1/oauth/callback", grants=grants)
    back = f"http://127.0.0.1:{free_port()}/oauth/callback"
    note = ["--tool-args-json", json.dumps({"name": url, "text": "t"})]

    result, visited = call(showing_desk, era, back, "write_note", "--client-metadata-url", url, *note)

    assert result["isError"] is False
    assert ["mcp:write" in told(address)["scope"].split() for address in visited] == [False, True]


def test_the_inspector_does_not_find_a_tool_that_it_is_not_shown(desk: Desk) -> None:
    back, note = f"http://127.0.0.1:{free_port()}/oauth/callback", ["--tool-args-json", '{"name": "n", "text": "t"}']
    with pytest.raises(AssertionError, match="tool_not_found"):
        call(desk, "modern", back, "write_note", *note)


def call(desk: Desk, era: str, back: str, tool: str, *more: str) -> tuple[dict[str, Any], list[str]]:
    """What a tool said, and where the person was sent on the way. Asked whether to step up, they say yes."""
    asked = ["--cli", desk.town.place.resource, "--transport", "http", "--protocol-era", era, "--callback-url", back]
    wanted = ["--format", "json", "--method", "tools/call", "--tool-name", tool]
    # It signs in only where it may open a browser.
    environ = {"MCP_STORAGE_DIR": str(desk.home), "MCP_INSPECTOR_SECRET_STORE": "file", "MCP_AUTO_OPEN_ENABLED": "true"}
    with desk.start(INSPECTOR, *asked, *wanted, *more, **environ) as running:
        running.say("y")
        return json.loads(running.output())["result"], running.visited
