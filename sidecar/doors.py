"""What an app's door decides, as audit events: a tool call that was let in, and every refusal."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

from sidecar.audit import Audit, decision

_MOST: Final = 1024
"""Decisions that are remembered."""


class Caller(Protocol):
    """Whoever the door verified, as far as an event tells of it."""

    @property
    def subject(self) -> str:
        """Whose name."""
        ...

    @property
    def client_id(self) -> str:
        """Which client."""
        ...

    @property
    def scopes(self) -> Collection[str]:
        """Held, as they were granted."""
        ...

    @property
    def actors(self) -> Collection[str]:
        """Whoever acts in the subject's name, the latest first."""
        ...

    @property
    def claims(self) -> Mapping[str, Any]:
        """Everything its token says."""
        ...


class Decided(Protocol):
    """A decision of a door: `resource_server.Decision`, which this room does not import."""

    @property
    def resource(self) -> str:
        """Where."""
        ...

    @property
    def error(self) -> str:
        """The error code; empty for a tool call that was let in."""
        ...

    @property
    def reason(self) -> str:
        """Why it was refused."""
        ...

    @property
    def caller(self) -> Caller | None:
        """Who, once that was proved."""
        ...

    @property
    def key_id(self) -> str:
        """Which key signed the token."""
        ...

    @property
    def tool(self) -> str:
        """Which tool, where one was called."""
        ...

    @property
    def needed(self) -> tuple[str, ...]:
        """The scopes it takes."""
        ...


def told_to(audit: Audit) -> Callable[[Decided], None]:
    """For `Door(decided=...)`: tells each decision as an event `tool` or, where no tool is known, `request`."""
    # A door tells a caller's calls of one tool as one decision, the same object while the token lives. It is kept with
    # its telling: as long as it is here, no other has its id.
    known: dict[int, tuple[Decided, Callable[[], None]]] = {}

    def tell(decided: Decided) -> None:
        found = known.get(id(decided))
        if found is not None:
            return found[1]()
        telling = audit.telling("tool" if decided.tool else "request", event_of(decided))
        if decided.tool and not decided.error:
            if len(known) >= _MOST:
                known.clear()
            known[id(decided)] = decided, telling
        return telling()

    return tell


def event_of(decided: Decided) -> Mapping[str, str]:
    """The event of a decision; nobody is named in it before a token proved who calls."""
    caller = decided.caller
    return decision(
        outcome=decided.error or "called",
        reason=decided.reason,
        resource=decided.resource,
        tool=decided.tool,
        asked=decided.needed,
        kid=decided.key_id,
        **({} if caller is None else _said_of(caller)),
    )


def _said_of(caller: Caller) -> dict[str, str]:
    return {
        "subject": caller.subject,
        "actors": " ".join(caller.actors),
        "client": caller.client_id,
        "scope": " ".join(sorted(caller.scopes)),
        "jti": str(caller.claims.get("jti", "")),
    }
