"""One `tools/call`, as MCP 2026-07-28 writes it."""

import json
from collections.abc import Mapping

from bench.load import request

_PREFIX = "io.modelcontextprotocol/"
VERSION = "2026-07-28"


ARGUMENTS: Mapping[str, Mapping[str, str]] = {"get_time": {"time_zone": "Europe/Berlin"}}


def body(tool: str = "get_time") -> bytes:
    """The JSON-RPC request, written as the SDKs write it."""
    meta: dict[str, object] = {f"{_PREFIX}protocolVersion": VERSION, f"{_PREFIX}clientCapabilities": {}}
    params: dict[str, object] = {"name": tool, "arguments": ARGUMENTS.get(tool, {}), "_meta": meta}
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, separators=(",", ":")
    ).encode()


def headers(token: str | None, tool: str = "get_time") -> Mapping[str, str]:
    """Its headers, with a token or without."""
    own = {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": VERSION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    return own if token is None else {**own, "Authorization": f"Bearer {token}"}


def tool_call(port: int, token: str | None, tool: str = "get_time") -> bytes:
    """The whole request, to a server on this port."""
    return request("POST", f"localhost:{port}", "/mcp", headers(token, tool), body(tool))
