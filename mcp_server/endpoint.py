"""The MCP endpoint: exactly `/mcp`, POST only, every revision, nothing remembered between two requests.

Which revision speaks is told by its opening: `MCP-Protocol-Version` of 2026-07-28 and later goes to the SDK's
per-request path, an older one or none to its handshake path. Why each answers as it does:
docs/decisions/0021-how-tool-servers-answer.md.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import HEADER_MISMATCH, PROTOCOL_VERSION_META_KEY, UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

MAX_BODY = 256 * 1024
"""Bytes of one request: the longest note, escaped, fits twice."""

_VERSION = "mcp-protocol-version"


class Endpoint:
    """One MCP server as an ASGI app for one path. `running` must surround its requests."""

    def __init__(self, server: MCPServer[Any]) -> None:
        # Host and Origin are the door's business: two opinions about them would contradict each other.
        unguarded = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        server.streamable_http_app(
            stateless_http=True, json_response=True, max_request_body_size=MAX_BODY, transport_security=unguarded
        )
        self._handshake = server.session_manager
        server.streamable_http_app(
            stateless_http=True, json_response=False, max_request_body_size=MAX_BODY, transport_security=unguarded
        )
        self._modern = server.session_manager

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Both paths, until the app ends."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._handshake.run())
            await stack.enter_async_context(self._modern.run())
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Space around a header's value is none of it, though servers leave it: RFC 9110 §5.5."""
        scope = {**scope, "headers": [(name, value.strip(b" \t")) for name, value in scope["headers"]]}
        version = Headers(scope=scope).get(_VERSION)
        if scope["method"] != "POST":
            await Response(status_code=405, headers={"Allow": "POST"})(scope, receive, send)
        elif version in MODERN_PROTOCOL_VERSIONS:
            await self._modern.handle_request(scope, receive, send)
        else:
            await self._shake_hands(version, scope, receive, send)

    async def _shake_hands(self, version: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        refusal = Response("Request body too large", status_code=413) if body is None else refused(version, body)
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self._handshake.handle_request(scope, _again(body or b"", receive), send)


def refused(version: str | None, body: bytes) -> Response | None:
    """Refuse a revision nobody speaks, and a body that contradicts its header.

    2026-07-28, HTTP §Protocol Version Header and §Server Validation; 2025-11-25, TR §Protocol Version Header.
    """
    if version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS:
        supported = [*MODERN_PROTOCOL_VERSIONS, *HANDSHAKE_PROTOCOL_VERSIONS]
        data = {"supported": supported, "requested": version[:32]}
        return _error(
            body, {"code": UNSUPPORTED_PROTOCOL_VERSION, "message": "Unsupported protocol version", "data": data}
        )
    claimed = _claimed(body)
    if claimed is None or claimed == version:
        return None
    said = "is missing" if version is None else f"says {version}"
    message = f"MCP-Protocol-Version {said}, the body says {claimed[:32]!r}"
    return _error(body, {"code": HEADER_MISMATCH, "message": message})


def _claimed(body: bytes) -> str | None:
    """The revision that a body of 2026-07-28 or later says it is written in."""
    if PROTOCOL_VERSION_META_KEY.encode() not in body:
        return None
    try:
        return str(_parsed(body)["params"]["_meta"][PROTOCOL_VERSION_META_KEY])
    except (KeyError, TypeError):
        return None


def _error(body: bytes, error: Mapping[str, object]) -> Response:
    call: object = _parsed(body).get("id")
    known = call if isinstance(call, str | int) else None
    return JSONResponse({"jsonrpc": "2.0", "id": known, "error": error}, status_code=400)


def _parsed(body: bytes) -> dict[str, Any]:
    """The message, or an empty one: what can not be read is the SDK's to refuse."""
    try:
        message: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", message) if isinstance(message, dict) else {}


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None when it is longer than allowed."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """The same request, readable once more."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
