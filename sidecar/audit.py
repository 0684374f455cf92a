"""Audit events: one JSON line for each decision, in every app, with the same names, told on to whoever listens.

`event` says what was decided on (`token`, `introspect`, `tool`, …), `outcome` how: `issued`, `exchanged`, `called`,
`approved`, or the error code of a refusal. What does not apply is left out. Never a token, secret, code or assertion.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from sidecar.logs import sentence
from sidecar.trace import current

FIELDS: Final = (
    "outcome",
    "reason",
    "subject",
    "actors",
    "client",
    "issuer",
    "resource",
    "tool",
    "asked",
    "scope",
    "permission",
    "parent",
    "jti",
    "kid",
    "trace_id",
)
"""In this order: how it was decided and why; whose name, who acts in it (the latest first), which client; whose
assertion; where, which tool; scopes asked for and held; the person's permission, the token it came of, the token, the
key that signed it; the W3C trace."""

Listener: TypeAlias = Callable[[str, Mapping[str, str]], None]
"""Hears each event, its name and what it says, at once: it may neither wait nor raise."""


def decision(**said: str | Iterable[str]) -> Mapping[str, str]:
    """What an event says, in the order of FIELDS, without what is empty; lists become words.

    Raises KeyError for a name that is no field: events of different apps are joined by their names.
    """
    if strangers := said.keys() - set(FIELDS):
        raise KeyError(*sorted(strangers))
    words = {name: value if isinstance(value, str) else " ".join(value) for name, value in said.items()}
    return {name: words[name] for name in FIELDS if words.get(name)}


class Audit:
    """Where an app tells its decisions: a log line for each, and every listener hears it, in the order of telling.

    `dropped` says how many of them a listener could not keep.
    """

    def __init__(self, listeners: Sequence[Listener] = (), dropped: Callable[[], int] = lambda: 0) -> None:
        self._listeners = tuple(listeners)
        self._dropped = dropped

    @property
    def dropped(self) -> int:
        """Events that are in the log alone, and should be elsewhere too."""
        return self._dropped()

    def tell(self, event: str, said: Mapping[str, str]) -> None:
        """One decision, as `decision` makes it; the trace that it belongs to is added."""
        self.telling(event, said)()

    def telling(self, event: str, said: Mapping[str, str]) -> Callable[[], None]:
        """Tells a decision that is made again and again, each time in the trace that it then belongs to."""
        say, listeners = sentence(event, said), self._listeners

        def tell() -> None:
            trace = current()
            trace_id = "" if trace is None else trace.trace_id
            say(trace_id)
            if listeners:
                heard = {**said, "trace_id": trace_id} if trace_id else said
                for hear in listeners:
                    hear(event, heard)

        return tell
