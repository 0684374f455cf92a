"""mcp-remote, which lets programs that speak only to local servers reach the notes; and its machine way."""

import json
from typing import Any

import pytest

from tests.interop.document import Documents
from tests.interop.program import Desk, Program
from tests.interop.visit import told
from tests.ports import free_port

pytestmark = [pytest.mark.xdist_group("interop"), pytest.mark.needs("node")]
REMOTE = "node_modules/mcp-remote/dist/proxy.js"


@pytest.mark.requirement("AS-07", "AS-12")
@pytest.mark.parametrize("way", ["registration", "document"])
def test_mcp_remote_signs_in_and_a_local_client_calls_a_tool_through_it(
    way: str, desk: Desk, documents: Documents
) -> None:
    url = documents.publish("mcp-remote", "http://localhost/oauth/callback")
    resource, port = desk.town.place.resource, str(free_port())
    known = ["--client-metadata-url", url] if way == "document" else []

    with desk.start(REMOTE, resource, port, *known, MCP_REMOTE_CONFIG_DIR=str(desk.home)) as running:
        result = _call(running, "list_notes")

    assert result["isError"] is False
    assert "notes" in result["structuredContent"]
    request = told(running.visited[0])
    assert (request["client_id"] == url) is (way == "document")
    assert (request["redirect_uri"], request["resource"]) == (f"http://localhost:{port}/oauth/callback", resource)


def test_mcp_remote_is_stepped_up_when_a_tool_wants_more(desk: Desk) -> None:
    port = str(free_port())

    with desk.start(REMOTE, desk.town.place.resource, port, MCP_REMOTE_CONFIG_DIR=str(desk.home)) as running:
        result = _call(running, "write_note", name="by mcp-remote", text="from far away")

    assert result["isError"] is False
    first, second = map(told, running.visited)
    assert "mcp:write" not in first["scope"].split()
    assert {"mcp:read", "mcp:write"} <= set(second["scope"].split())


def test_mcp_remote_fetches_a_token_for_itself_without_a_person(desk: Desk) -> None:
    client_id, secret = desk.town.operator
    known = json.dumps({"client_id": client_id, "client_secret": "${INTEROP_SECRET}"})
    machine = ["--client-credentials", "--static-oauth-client-info", known]
    environ = {"MCP_REMOTE_CONFIG_DIR": str(desk.home), "INTEROP_SECRET": secret}

    with desk.start(REMOTE, desk.town.place.resource, *machine, **environ) as running:
        result = _call(running, "list_notes")

    assert result["isError"] is False
    assert running.visited == []


def _call(running: Program, tool: str, **arguments: str) -> dict[str, Any]:
    """What a local client says to a local server."""
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "local", "version": "1"}}
    _ask(running, 1, "initialize", hello)
    running.say(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))
    return _ask(running, 2, "tools/call", {"name": tool, "arguments": arguments})


def _ask(running: Program, number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    running.say(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
    while (answer := json.loads(running.hear())).get("id") != number:
        pass
    return answer["result"]
