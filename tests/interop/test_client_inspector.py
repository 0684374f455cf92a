"""The MCP Inspector, on the command line, against our authorization server and the notes."""

import json
from typing import Any

import pytest

from tests.interop.document import Documents
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
@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="the Inspector 2.12.0 calls only what tools/list shows (tool_not_found), and our door shows only what the "
    "token may call: nothing is refused, so nothing steps up",
)
def test_the_inspector_is_stepped_up_when_a_tool_wants_more(era: str, desk: Desk) -> None:
    back, note = f"http://127.0.0.1:{free_port()}/oauth/callback", ["--tool-args-json", '{"name": "n", "text": "t"}']

    result, visited = call(desk, era, back, "write_note", *note)

    assert result["isError"] is False
    assert len(visited) == 2


def call(desk: Desk, era: str, back: str, tool: str, *more: str) -> tuple[dict[str, Any], list[str]]:
    """What a tool said, and where the person was sent on the way."""
    asked = ["--cli", desk.town.place.resource, "--transport", "http", "--protocol-era", era, "--callback-url", back]
    wanted = ["--format", "json", "--method", "tools/call", "--tool-name", tool]
    # It signs in only where it may open a browser.
    environ = {"MCP_STORAGE_DIR": str(desk.home), "MCP_INSPECTOR_SECRET_STORE": "file", "MCP_AUTO_OPEN_ENABLED": "true"}
    with desk.start(INSPECTOR, *asked, *wanted, *more, **environ) as running:
        return json.loads(running.output())["result"], running.visited
