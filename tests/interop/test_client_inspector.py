"""The MCP Inspector, on the command line, against our authorization server and the notes."""

import json

import pytest

from tests.human.town import free_port
from tests.interop.document import Documents
from tests.interop.program import INSPECTOR, Desk
from tests.interop.visit import told

pytestmark = [pytest.mark.xdist_group("interop"), pytest.mark.needs("node")]


@pytest.mark.requirement("AS-07", "AS-12")
@pytest.mark.parametrize("era", ["legacy", "auto", "modern"])
@pytest.mark.parametrize("way", ["registration", "document"])
def test_the_inspector_signs_in_and_calls_a_tool(era: str, way: str, desk: Desk, documents: Documents) -> None:
    url = documents.publish("inspector", "http://127.0.0.1/oauth/callback")
    resource, back = desk.town.place.resource, f"http://127.0.0.1:{free_port()}/oauth/callback"
    asked = ["--cli", resource, "--transport", "http", "--protocol-era", era, "--callback-url", back]
    known = ["--client-metadata-url", url] if way == "document" else []
    call = ["--format", "json", "--method", "tools/call", "--tool-name", "list_notes"]
    # It signs in only where it may open a browser.
    environ = {"MCP_STORAGE_DIR": str(desk.home), "MCP_INSPECTOR_SECRET_STORE": "file", "MCP_AUTO_OPEN_ENABLED": "true"}

    with desk.start(INSPECTOR, *asked, *known, *call, **environ) as running:
        result = json.loads(running.output())["result"]

    assert result["isError"] is False
    assert "notes" in result["structuredContent"]
    request = told(running.visited[0])
    assert (request["client_id"] == url) is (way == "document")
    assert (request["redirect_uri"], request["resource"]) == (back, resource)
