"""MCP's Streamable HTTP: what a POST asks for, read before anything is dispatched.

Transport, sending messages (all revisions); 2026-07-28, standard request headers and server validation.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import NamedTuple

from resource_server.errors import HeaderMismatch, MalformedMessage, RequestId, UnknownTool
from resource_server.rules.rfc7493_json import Json, read_json
from resource_server.rules.rfc9110_fields import Fields

TOOL_CALL = "tools/call"
HEADERS_ARE_BINDING = frozenset({"2026-07-28"})
_NAMED_BY = {TOOL_CALL: "name", "prompts/get": "name", "resources/read": "uri"}
_VERSION_IN_META = "io.modelcontextprotocol/protocolVersion"
_VERSION, _METHOD, _NAME = b"mcp-protocol-version", b"mcp-method", b"mcp-name"
_TITLES = {_VERSION: "MCP-Protocol-Version", _METHOD: "Mcp-Method", _NAME: "Mcp-Name"}
_BATCH = "send one JSON-RPC message per request; batches are not accepted"
_SENTINEL = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)


class Message(NamedTuple):  # read for every request, and a tuple is made in a third of the time of a dataclass
    """One JSON-RPC message. `method` is None in a response, `id` is None in a notification."""

    method: str | None
    id: RequestId
    is_request: bool
    name: str | None
    version_in_meta: object = None


def read_message(body: bytes) -> Message:
    """Read exactly one JSON-RPC message; a batch is refused. Raises Unparseable, MalformedMessage, UnknownTool."""
    message = read_json(body)
    if not isinstance(message, dict):
        raise MalformedMessage(_BATCH if isinstance(message, list) else "the body must be one JSON-RPC message")
    method, request_id = message.get("method"), _id_of(message)
    if not isinstance(method, str):
        if "method" in message:
            raise MalformedMessage("method must be a string", request_id=request_id)
        method = None
    given = message.get("params")
    params = given if isinstance(given, dict) else dict[str, Json]()
    name = params.get(_NAMED_BY[method]) if method in _NAMED_BY else None
    if not isinstance(name, str):
        if method == TOOL_CALL:
            raise UnknownTool("tools/call needs the name of a tool", request_id=request_id)
        name = None
    meta = params.get("_meta")
    version = meta.get(_VERSION_IN_META) if isinstance(meta, dict) else None
    return Message(method, request_id, "id" in message, name, version)


def check_routing_headers(fields: Fields, message: Message) -> None:
    """Refuse routing headers that are repeated, and since 2026-07-28 any that do not say what the body says.

    Raises HeaderMismatch. Earlier revisions have no Mcp-Method and Mcp-Name: there the body alone counts.
    Does not decide which protocol versions are served; the app does.
    """
    for header in fields.repeated:
        if header in _TITLES:
            raise HeaderMismatch(f"{_TITLES[header]} appears more than once", request_id=message.id)
    version = _said(fields, _VERSION)
    if version not in HEADERS_ARE_BINDING:
        return
    method, name = _said(fields, _METHOD), _said(fields, _NAME)
    # A notification need not mirror itself, but may not contradict itself.
    if method != message.method and (message.is_request or method is not None):
        raise _mismatch(_METHOD, message)
    named = None if name is None else decoded_value(name)
    if message.name not in (None, named) and (message.is_request or name is not None):
        raise _mismatch(_NAME, message)
    if message.version_in_meta not in (None, version):
        raise HeaderMismatch("MCP-Protocol-Version does not match the body's _meta", request_id=message.id)


def _said(fields: Fields, header: bytes) -> str | None:
    sent = fields.get(header)
    return None if sent is None else sent.decode("latin-1").strip(" \t")  # some servers leave space: RFC 9110 §5.5


def _mismatch(header: bytes, message: Message) -> HeaderMismatch:
    return HeaderMismatch(f"{_TITLES[header]} does not match the body", request_id=message.id)


def decoded_value(value: str) -> str | None:
    """Undo the base64 sentinel of unsafe header values; None when it is malformed, which matches nothing."""
    match = _SENTINEL.fullmatch(value)
    if match is None:
        return value
    encoded = match.group(1)
    try:
        decoded = base64.b64decode(encoded, validate=True)
        return decoded.decode("utf-8") if base64.b64encode(decoded).decode() == encoded else None
    except (binascii.Error, ValueError):
        return None


def _id_of(message: Mapping[str, Json]) -> RequestId:
    request_id = message.get("id")
    return request_id if isinstance(request_id, (str, int, float)) and not isinstance(request_id, bool) else None
