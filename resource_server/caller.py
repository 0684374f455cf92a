"""Who is calling: what the app behind the door may know."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from resource_server.rules.rfc8693_actors import actors_of

SCOPE_KEY = "daca.caller"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """A verified caller: `sub` and `client_id` of its token, the scopes granted, and every claim.

    `token` is there to be exchanged for another (RFC 8693), never to be sent on: this server is its only audience.
    """

    subject: str
    client_id: str
    scopes: frozenset[str]
    claims: Mapping[str, Any]
    token: str = field(repr=False)

    @property
    def actors(self) -> tuple[str, ...]:
        """Everybody who acts in the subject's name, the latest first; nobody when it does so itself. RFC 8693 §4.1."""
        return actors_of(self.claims)


_current: ContextVar[Caller | None] = ContextVar("resource_server.caller", default=None)
enter = _current.set
leave = _current.reset


def current_caller() -> Caller:
    """The caller of the request in hand. Raises LookupError outside of a guarded request.

    In a long-lived session that a framework runs in a task of its own, read `scope["daca.caller"]` instead.
    """
    caller = _current.get()
    if caller is None:
        raise LookupError("no caller here: this code does not run inside a request that came through the Door")
    return caller
