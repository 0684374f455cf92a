"""What a request does, and whether it can be done again."""

import json
from typing import cast

import httpx2

_LARGEST = 65_536
_LONGEST_NAME = 200


def operation_of(request: httpx2.Request) -> str:
    """A name for what a request does: the JSON-RPC method and tool where there are such, else verb and path."""
    method, name = request.headers.get("mcp-method", ""), request.headers.get("mcp-name", "")
    if not method:
        method, name = _json_rpc(request)
    return f"{method} {name}".strip() if method else f"{request.method} {request.url.path}"


def is_replayable(request: httpx2.Request) -> bool:
    """Is the body in memory, rather than a stream that can be read only once?"""
    try:
        _ = request.content
    except httpx2.RequestNotRead:
        return False
    return True


def _json_rpc(request: httpx2.Request) -> tuple[str, str]:
    if "json" not in request.headers.get("content-type", "") or not is_replayable(request):
        return "", ""
    try:
        body: object = json.loads(request.content) if len(request.content) <= _LARGEST else None
    except (ValueError, RecursionError):
        return "", ""
    return _text(_member(body, "method")), _text(_member(_member(body, "params"), "name"))


def _member(value: object, name: str) -> object:
    return cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None


def _text(value: object) -> str:
    return value[:_LONGEST_NAME] if isinstance(value, str) else ""
