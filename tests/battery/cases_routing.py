"""Sound messages that the token does not reach to, or that headers, path, verb or size disguise."""

import json
from collections.abc import Callable
from typing import Any

from tests.battery.case import LEGACY, Case, bad_message, path_of, rpc
from tests.battery.wire import Headers, Request
from tests.battery.world import World

Make = Callable[[World], Request]
_META: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
_VERSION = ("MCP-Protocol-Version", "2026-07-28")
_METHOD = ("Mcp-Method", "tools/call")
_READ, _BEYOND = ("Mcp-Name", "{read}"), ("Mcp-Name", "{beyond}")


def _call(world: World, *, target: str = "", method: str = "POST", headers: Headers = LEGACY) -> Request:
    body = rpc("tools/call", {"name": world.beyond_tool, "arguments": {}})
    return Request(target=target or path_of(world), method=method, headers=headers, body=body)


def _modern(*headers: tuple[str, str], beyond: bool = False) -> Make:
    """A call of 2026-07-28 with these routing headers; the body names a tool within or beyond the scope."""

    def make(world: World) -> Request:
        names = {"read": world.read_tool, "beyond": world.beyond_tool}
        params: dict[str, Any] = {"name": names["beyond" if beyond else "read"], "arguments": {}, "_meta": _META}
        routing = tuple((name, value.format(**names)) for name, value in headers)
        return Request(target=path_of(world), headers=(*LEGACY[:2], *routing), body=rpc("tools/call", params))

    return make


def _escaped_name(world: World) -> bytes:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in world.beyond_tool).encode()
    return rpc("tools/call", {"name": "NAME"}).replace(b"NAME", escaped)


def _notification(world: World) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": world.beyond_tool}}).encode()


def _posted(body: Callable[[World], bytes], *, chunked: bool = False) -> Make:
    return lambda world: Request(target=path_of(world), headers=LEGACY, body=body(world), chunked=chunked)


def _too_large(world: World) -> bytes:
    return rpc("tools/list", {"x": "x" * world.max_body})


def _encoded_letters(world: World) -> str:
    path = path_of(world)
    return path[:1] + "".join(f"%{ord(letter):02x}" for letter in path[1:])


_BEYOND_SCOPE: tuple[tuple[str, Make], ...] = (
    ("plain", _call),
    ("escaped", _posted(_escaped_name)),
    ("notification", _posted(_notification)),
    ("text", lambda world: _call(world, headers=(("Content-Type", "text/plain"), *LEGACY[1:]))),
    ("no-content-type", lambda world: _call(world, headers=LEGACY[1:])),
    ("no-version", lambda world: _call(world, headers=LEGACY[:2])),
    ("strange-version", lambda world: _call(world, headers=(*LEGACY[:2], ("MCP-Protocol-Version", "2099-01-01")))),
    ("modern", _modern(_VERSION, _METHOD, _BEYOND, beyond=True)),
    ("method-override", lambda world: _call(world).plus(("X-HTTP-Method-Override", "GET"))),
    ("original-url", lambda world: _call(world).plus(("X-Original-URL", "/healthz"))),
    (
        "misleading-headers",
        lambda world: _call(world).plus(("Mcp-Method", "tools/list"), ("Mcp-Name", world.read_tool)),
    ),
    ("query", lambda world: _call(world, target=path_of(world) + "?x=1")),
)
_CONTRADICTIONS: tuple[tuple[str, Make], ...] = (
    ("name-mismatch", _modern(_VERSION, _METHOD, _READ, beyond=True)),
    ("name-mismatch-other-way", _modern(_VERSION, _METHOD, _BEYOND)),
    ("method-mismatch", _modern(_VERSION, ("Mcp-Method", "tools/list"), _BEYOND, beyond=True)),
    ("method-case", _modern(_VERSION, ("Mcp-Method", "TOOLS/CALL"), _READ)),
    ("name-case", _modern(_VERSION, _METHOD, ("Mcp-Name", "LIST_NOTES"))),
    ("no-method", _modern(_VERSION, _READ)),
    ("no-name", _modern(_VERSION, _METHOD)),
    ("method-twice", _modern(_VERSION, _METHOD, _METHOD, _READ)),
    ("name-twice", _modern(_VERSION, _METHOD, _READ, _BEYOND)),
    ("version-twice", _modern(("MCP-Protocol-Version", "2025-11-25"), _VERSION, _METHOD, _READ)),
    ("sentinel-other", _modern(_VERSION, _METHOD, ("Mcp-Name", "=?base64?bGlzdF9ub3Rlcw==?="), beyond=True)),
    ("sentinel-broken", _modern(_VERSION, _METHOD, ("Mcp-Name", "=?base64?!!!!?="))),
    ("sentinel-not-canonical", _modern(_VERSION, _METHOD, ("Mcp-Name", "=?base64?bGlzdF9ub3Rlcx==?="))),
)
_PATHS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("upper", str.upper),
    ("double-slash", lambda path: "/" + path),
    ("slash", lambda path: path + "/"),
    ("dot", lambda path: path + "/."),
    ("dot-before", lambda path: "/." + path),
    ("dot-dot", lambda path: "/x/.." + path),
    ("encoded-dot-dot", lambda path: "/x/%2e%2e" + path),
    ("encoded-slash", lambda path: path + "%2f"),
    ("encoded-nul", lambda path: path + "%00"),
    ("encoded-space", lambda path: path + "%20"),
    ("parameter", lambda path: path + ";x=1"),
    ("backslash", lambda path: "/x\\.." + path),
    ("double-encoded", lambda path: "/%25" + f"{ord(path[1]):x}" + path[2:]),
    ("health", lambda path: "/healthz/.." + path),
    ("well-known", lambda path: "/.well-known/oauth-protected-resource/.." + path),
)


def _at(change: Callable[[str], str]) -> Make:
    return lambda world: _call(world, target=change(path_of(world)))


def _by(verb: str) -> Make:
    return lambda world: _call(world, method=verb)


CASES: tuple[Case, ...] = (
    *(
        bad_message(f"beyond-scope-{name}", "a tool beyond the scope", make, 403, error="insufficient_scope")
        for name, make in _BEYOND_SCOPE
    ),
    *(bad_message(f"headers-{name}", f"routing headers: {name}", make, 400) for name, make in _CONTRADICTIONS),
    *(bad_message(f"path-{name}", f"the path with {name}", _at(change), 400, 404, 421) for name, change in _PATHS),
    *(
        bad_message(f"verb-{verb}", f"{verb} instead of POST", _by(verb), 400, 403, 405)
        for verb in ("PUT", "PATCH", "OPTIONS", "post", "POSTX")
    ),
    bad_message(
        "path-encoded-letters", "the path encoded", lambda world: _call(world, target=_encoded_letters(world)), 403, 404
    ),
    bad_message("too-large", "a body over the bound", _posted(_too_large), 413),
    bad_message("too-large-chunked", "the same in chunks", _posted(_too_large, chunked=True), 413),
    bad_message(
        "compressed", "a compressed body", lambda world: _call(world).plus(("Content-Encoding", "gzip")), 400, 415
    ),
)
