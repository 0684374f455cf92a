"""One bad token or bad request, as data."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.battery.wire import Headers, Request
from tests.battery.world import World

LEGACY: Headers = (
    ("Content-Type", "application/json"),
    ("Accept", "application/json, text/event-stream"),
    ("MCP-Protocol-Version", "2025-11-25"),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """`error`: the challenge's error; "" a challenge without one; None no challenge is asked for."""

    id: str
    about: str
    make: Callable[[World], Request]
    status: frozenset[int]
    error: str | None
    only_mcp: bool = False


def path_of(world: World) -> str:
    return urlsplit(world.resource).path or "/"


def rpc(method: str, params: Mapping[str, Any] | None = None) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}).encode()


def listing(world: World, *authorization: str | bytes) -> Request:
    """A harmless request, with these Authorization headers."""
    headers = (*LEGACY, *(("Authorization", value) for value in authorization))
    return Request(target=path_of(world), headers=headers, body=rpc("tools/list"))


def bearer(world: World, token: bytes | None = None) -> Headers:
    return (("Authorization", b"Bearer " + (world.token() if token is None else token)),)


def bad_token(name: str, about: str, make: Callable[[World], bytes], *, status: tuple[int, ...] = (401,)) -> Case:
    """A token that must be answered with invalid_token."""
    return Case(
        id=f"token/{name}",
        about=about,
        make=lambda world: listing(world, b"Bearer " + make(world)),
        status=frozenset(status),
        error="invalid_token" if status == (401,) else None,
    )


def bad_claims(name: str, about: str, change: Callable[[World], Mapping[str, Any]]) -> Case:
    """A soundly signed token with these claims changed; `...` leaves one out."""
    return bad_token(name, about, lambda world: world.token(claims=world.claims(**change(world))))


def bad_header(name: str, about: str, change: Callable[[World], Mapping[str, Any]]) -> Case:
    """A soundly signed token with these header members changed; `...` leaves one out."""
    return bad_token(name, about, lambda world: world.token(header=world.header(**change(world))))


def too_little(name: str, about: str, scope: object) -> Case:
    """A sound token whose scope does not hold the baseline."""
    return Case(
        id=f"scope/{name}",
        about=about,
        make=lambda world: listing(world, b"Bearer " + world.token(claims=world.claims(scope=scope))),
        status=frozenset({403}),
        error="insufficient_scope",
    )


def bad_presentation(
    name: str, about: str, make: Callable[[World], Request], *, status: int = 401, error: str = ""
) -> Case:
    """A sound token (or none) that comes in no acceptable way."""
    return Case(id=f"presented/{name}", about=about, make=make, status=frozenset({status}), error=error)


def bad_message(
    name: str, about: str, make: Callable[[World], Request], *status: int, error: str | None = None
) -> Case:
    """A sound read-only token on a request that an MCP endpoint must not dispatch."""
    return Case(
        id=f"message/{name}",
        about=about,
        make=lambda world: make(world).plus(*bearer(world)),
        status=frozenset(status),
        error=error,
        only_mcp=True,
    )
