"""Bodies that one parser reads one way and another otherwise, or that are no message at all. All answered 400."""

import json
from collections.abc import Callable

from tests.battery.case import LEGACY, Case, bad_message, path_of, rpc
from tests.battery.wire import Request
from tests.battery.world import World

Body = Callable[[World], bytes]
_LIST = rpc("tools/list")


def _call(world: World) -> bytes:
    """A call beyond the token's scope: the thing to be smuggled."""
    return rpc("tools/call", {"name": world.beyond_tool})


def _hidden(at: bytes, harmless: bytes) -> Body:
    """The call, with a harmless twin of one member written before `at`."""
    return lambda world: _call(world).replace(at, harmless.replace(b"READ", world.read_tool.encode()) + at, 1)


def _holding(value: bytes) -> Body:
    return lambda _: _LIST.replace(b"{}", b'{"x": ' + value + b"}")


def _just(body: bytes) -> Body:
    return lambda _: body


def _named(change: Callable[[str], object]) -> Body:
    return lambda world: rpc("tools/call", {"name": change(world.beyond_tool)})


_TWO_READINGS: tuple[tuple[str, Body], ...] = (
    ("method-twice", _hidden(b'"method"', b'"method": "tools/list", ')),
    ("method-twice-last", _hidden(b'"params"', b'"method": "tools/list", ')),
    ("method-twice-escaped", _hidden(b'"params"', b'"m\\u0065thod": "tools/list", ')),
    ("params-twice", _hidden(b'"params"', b'"params": {"name": "READ"}, ')),
    ("name-twice", _hidden(b'"name"', b'"name": "READ", ')),
    ("name-twice-last", _hidden(b"}}", b', "name": "READ"')),
    ("id-twice", _hidden(b'"id"', b'"id": 2, ')),
    ("batch", lambda world: b"[" + _LIST + b"," + _call(world) + b"]"),
    ("batch-of-one", lambda world: b"[" + _call(world) + b"]"),
    ("batch-empty", _just(b"[]")),
    ("batch-nested", _just(b"[[" + _LIST + b"]]")),
    ("two-messages", lambda world: _LIST + _call(world)),
    ("comment", _just(b"/* */" + _LIST)),
    ("single-quotes", _just(_LIST.replace(b'"', b"'"))),
    ("trailing-comma", _just(_LIST[:-1] + b",}")),
    ("nan", _holding(b"NaN")),
    ("infinity", _holding(b"1e999")),
    ("digits", _holding(b"9" * 5000)),
    ("half-surrogate", _holding(b'"\\ud800"')),
    ("not-utf-8", _holding(b'"\xff"')),
    ("bom", _just(b"\xef\xbb\xbf" + _LIST)),
    ("utf-16", _just(_LIST.decode().encode("utf-16"))),
    ("utf-16-le", _just(_LIST.decode().encode("utf-16-le"))),
)
_NO_MESSAGE: tuple[tuple[str, Body], ...] = (
    ("deep", _holding(b"[" * 1000 + b"]" * 1000)),
    ("deeper", _just(b"[" * 100_000)),
    ("empty", _just(b"")),
    ("not-json", _just(b"tools/call")),
    ("truncated", _just(_LIST[:-2])),
    ("a-string", _just(b'"tools/call"')),
    ("a-number", _just(b"1")),
    ("null", _just(b"null")),
    ("method-list", _just(rpc("x").replace(b'"x"', b'["tools/call"]'))),
    ("method-null", _just(rpc("x").replace(b'"x"', b"null"))),
    ("no-name", _just(rpc("tools/call", {"arguments": {}}))),
    (
        "params-list",
        lambda world: json.dumps(
            {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": [world.beyond_tool]}
        ).encode(),
    ),
    ("name-number", _named(lambda _: 1)),
    ("name-null", _named(lambda _: None)),
    ("name-list", _named(lambda tool: [tool])),
    ("name-object", _named(lambda tool: {tool: 1})),
    ("name-empty", _named(lambda _: "")),
    ("tool-unknown", _named(lambda _: "no_such_tool")),
    ("tool-upper", _named(str.upper)),
    ("tool-space-behind", _named(lambda tool: tool + " ")),
    ("tool-space-before", _named(lambda tool: " " + tool)),
    ("tool-nul", _named(lambda tool: tool + "\0")),
    ("tool-newline", _named(lambda tool: tool + "\n")),
    ("tool-soft-hyphen", _named(lambda tool: tool + "\xad")),
    ("tool-fullwidth", _named(lambda tool: tool.replace("e", "\uff45"))),
)


def _posted(body: Body) -> Callable[[World], Request]:
    return lambda world: Request(target=path_of(world), headers=LEGACY, body=body(world))


CASES: tuple[Case, ...] = tuple(
    bad_message(name, name.replace("-", " "), _posted(body), 400) for name, body in (*_TWO_READINGS, *_NO_MESSAGE)
)
