"""Tokens with a sound signature and wrong claims: wrong issuer, audience, time, name or scope."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.battery.case import Case, bad_claims, bad_token, too_little
from tests.battery.world import World


def _swapped_scheme(url: str) -> str:
    return url.replace("http:", "https:") if url.startswith("http:") else url.replace("https:", "http:")


def _raw(world: World, *, exp: bytes | None = None, prefix: bytes = b"") -> bytes:
    """Good claims as text, with a literal that json.dumps would not write."""
    text = json.dumps(world.claims(**({"exp": ...} if exp is not None else {}))).encode()
    return b"{" + prefix + (b'"exp":' + exp + b"," if exp is not None else b"") + text[1:]


_ISSUERS: tuple[tuple[str, Callable[[World], object]], ...] = (
    ("missing", lambda _: ...),
    ("null", lambda _: None),
    ("empty", lambda _: ""),
    ("slash", lambda world: world.issuer + "/"),
    ("upper", lambda world: world.issuer.upper()),
    ("other", lambda _: "https://evil.example"),
    ("suffix", lambda world: world.issuer + ".evil.example"),
    ("path", lambda world: world.issuer + "/realms/x"),
    ("scheme", lambda world: _swapped_scheme(world.issuer)),
    ("list", lambda world: [world.issuer]),
    ("object", lambda world: {world.issuer: True}),
    ("space", lambda world: world.issuer + " "),
    ("the-resource", lambda world: world.resource),
)
_AUDIENCES: tuple[tuple[str, Callable[[World], object]], ...] = (
    ("missing", lambda _: ...),
    ("null", lambda _: None),
    ("empty", lambda _: ""),
    ("empty-list", lambda _: []),
    ("other", lambda world: world.other_resource),
    ("other-in-list", lambda world: [world.other_resource]),
    ("nested-list", lambda world: [[world.resource]]),
    ("list-with-number", lambda world: [world.resource, 1]),
    ("list-with-null", lambda world: [None, world.resource]),
    ("object", lambda world: {world.resource: True}),
    ("number", lambda _: 8000),
    ("true", lambda _: True),
    ("star", lambda _: "*"),
    ("slash", lambda world: world.resource + "/"),
    ("longer", lambda world: world.resource + "2"),
    ("shorter", lambda world: world.resource[:-1]),
    ("query", lambda world: world.resource + "?x=1"),
    ("fragment", lambda world: world.resource + "#x"),
    ("dot-segment", lambda world: world.resource + "/."),
    ("scheme", lambda world: _swapped_scheme(world.resource)),
    ("comma", lambda world: f"{world.resource},{world.other_resource}"),
    ("spaces", lambda world: f"{world.other_resource} {world.resource}"),
    ("space-behind", lambda world: world.resource + " "),
    ("user-name", lambda world: world.resource.replace("://", "://x@")),
    ("issuer", lambda world: world.issuer),
    ("client", lambda _: "battery"),
    ("the-word-account", lambda _: "account"),
    ("other-host", lambda world: world.resource.replace(urlsplit(world.resource).hostname or "", "evil.example")),
)
_TIMES: tuple[tuple[str, Callable[[World], Mapping[str, Any]]], ...] = (
    ("exp-missing", lambda _: {"exp": ...}),
    ("exp-null", lambda _: {"exp": None}),
    ("exp-string", lambda world: {"exp": str(int(world.now) + 300)}),
    ("exp-date", lambda _: {"exp": "2099-01-01T00:00:00Z"}),
    ("exp-true", lambda _: {"exp": True}),
    ("exp-list", lambda world: {"exp": [int(world.now) + 300]}),
    ("exp-object", lambda world: {"exp": {"value": int(world.now) + 300}}),
    ("exp-past", lambda world: {"exp": int(world.now) - 60, "iat": int(world.now) - 360}),
    ("exp-a-minute-ago-as-float", lambda world: {"exp": world.now - 60.5}),
    ("exp-zero", lambda _: {"exp": 0}),
    ("exp-negative", lambda _: {"exp": -1}),
    ("exp-huge", lambda _: {"exp": 10**30}),
    ("exp-float-huge", lambda _: {"exp": 1e300}),
    ("iat-far", lambda world: {"iat": int(world.now) + 86_400, "exp": int(world.now) + 90_000}),
    ("iat-string", lambda world: {"iat": str(int(world.now))}),
    ("iat-null", lambda _: {"iat": None}),
    ("nbf-future", lambda world: {"nbf": int(world.now) + 120}),
    ("nbf-string", lambda world: {"nbf": str(int(world.now))}),
    ("nbf-huge", lambda _: {"nbf": 10**30}),
)
_NAMES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("sub-missing", {"sub": ...}),
    ("sub-empty", {"sub": ""}),
    ("sub-number", {"sub": 7}),
    ("sub-null", {"sub": None}),
    ("sub-list", {"sub": ["battery"]}),
    ("sub-long", {"sub": "s" * 2000}),
    ("client-missing", {"client_id": ...}),
    ("client-empty", {"client_id": ""}),
    ("client-list", {"client_id": ["battery"]}),
    ("scope-number", {"scope": 1}),
    ("scope-list", {"scope": ["mcp:read"]}),
    ("scope-object", {"scope": {"mcp:read": True}}),
    ("scope-null", {"scope": None}),
    ("bound-to-a-key", {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}),
)
_TEXTS: tuple[tuple[str, str, Callable[[World], bytes]], ...] = (
    ("exp-nan", "exp NaN", lambda world: _raw(world, exp=b"NaN")),
    ("exp-infinity", "exp Infinity", lambda world: _raw(world, exp=b"Infinity")),
    ("exp-1e400", "exp out of any range", lambda world: _raw(world, exp=b"1e400")),
    ("exp-digits", "exp of five thousand digits", lambda world: _raw(world, exp=b"9" * 5000)),
    (
        "aud-twice",
        "aud twice, the other resource first",
        lambda world: _raw(world, prefix=b'"aud":' + json.dumps(world.other_resource).encode() + b","),
    ),
    (
        "aud-twice-escaped",
        "aud twice, once with an escape",
        lambda world: _raw(world, prefix=b'"\\u0061ud":' + json.dumps(world.other_resource).encode() + b","),
    ),
    ("iss-twice", "iss twice", lambda world: _raw(world, prefix=b'"iss":"https://evil.example",')),
    ("scope-twice", "scope twice", lambda world: _raw(world, prefix=b'"scope":"mcp:delete",')),
    (
        "payload-deep",
        "deeply nested claims",
        lambda world: _raw(world, prefix=b'"x":' + b"[" * 900 + b"]" * 900 + b","),
    ),
    ("payload-not-json", "a payload that is not JSON", lambda _: b"sub=battery"),
    ("payload-list", "a payload that is a list", lambda world: b"[" + json.dumps(world.claims()).encode() + b"]"),
    ("payload-string", "a payload that is a string", lambda _: b'"battery"'),
    ("payload-bom", "a byte order mark before the claims", lambda world: b"\xef\xbb\xbf" + _raw(world)),
    ("payload-utf-16", "claims in UTF-16", lambda world: json.dumps(world.claims()).encode("utf-16")),
    ("payload-not-utf-8", "claims that are not UTF-8", lambda world: _raw(world, prefix=b'"x":"\xff",')),
    ("payload-two", "two objects", lambda world: _raw(world) + b"{}"),
    ("payload-null", "the claims null", lambda _: b"null"),
)

CASES: tuple[Case, ...] = (
    *(
        bad_claims(f"iss-{name}", f"iss: {name}", lambda world, make=make: {"iss": make(world)})
        for name, make in _ISSUERS
    ),
    *(
        bad_claims(f"aud-{name}", f"aud: {name}", lambda world, make=make: {"aud": make(world)})
        for name, make in _AUDIENCES
    ),
    *(bad_claims(name, name.replace("-", " "), make) for name, make in _TIMES),
    *(bad_claims(name, name.replace("-", " "), lambda _, change=change: change) for name, change in _NAMES),
    *(bad_token(name, about, lambda world, make=make: world.token(claims=make(world))) for name, about, make in _TEXTS),
    too_little("missing", "no scope at all", ...),
    too_little("empty", "an empty scope", ""),
    too_little("another", "another scope", "profile"),
    too_little("longer", "a scope that only begins like the baseline", "mcp:readonly"),
    too_little("upper", "the baseline in upper case", "MCP:READ"),
    too_little("comma", "scopes joined by commas", "mcp:read,mcp:write"),
    too_little("star", "a wildcard", "*"),
    too_little("tab", "scopes joined by a tab", "mcp:read\tmcp:write"),
)
