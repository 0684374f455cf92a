"""Dapr's own MCP client, unchanged, uses notes, unchanged, with a token that its sidecar fetched from our server.

Runs late: it deploys another overlay, and takes it back.
"""

import json
from collections.abc import Generator

import pytest

from tests.k8s.conftest import Document, System

pytestmark = [pytest.mark.needs("kubernetes")]
SERVER = "dapr.internal.mcp.notes"


@pytest.fixture(scope="module")
def toolsmith(daca: System) -> Generator[System]:
    """The overlay with an MCPServer resource, and the app that starts its workflows."""
    daca.deploy("mcpserver", "auth-server", "notes")
    # The server would learn of its new client within a minute; the sidecar would begin anew until it has.
    daca.kubectl("rollout", "restart", "deployment/auth-server", "deployment/notes")
    daca.kubectl.ready("auth-server", "notes")
    daca.kubectl("delete", "pods", "--selector", "app.kubernetes.io/name=toolsmith", "--wait=false")
    daca.kubectl.ready("toolsmith")
    yield daca
    daca.kubectl("delete", "deployment/toolsmith", "mcpserver.dapr.io/notes", "--wait=false")
    daca.deploy("kind")


def _run(system: System, name: str, given: Document) -> tuple[str, Document]:
    found = system.inside("toolsmith", "workflow.py", f"{SERVER}.{name}", json.dumps(given))
    return found["runtimeStatus"], json.loads(found["properties"].get("dapr.workflow.output", "{}"))


def test_it_lists_the_tools_that_its_token_lets_it_see(toolsmith: System) -> None:
    status, found = _run(toolsmith, "ListTools", {})
    assert status == "COMPLETED"
    assert {tool["name"] for tool in found["tools"]} == {"list_notes", "read_note", "search_notes"}


def test_it_calls_a_tool(toolsmith: System) -> None:
    status, found = _run(toolsmith, "CallTool.list_notes", {"arguments": {}})
    assert status == "COMPLETED"
    assert not found.get("isError")
    assert '"notes"' in found["content"][0]["text"]


def test_a_tool_outside_its_scope_is_none_to_it(toolsmith: System) -> None:
    assert _run(toolsmith, "CallTool.delete_note", {"arguments": {"name": "x"}})[0] == "FAILED"
