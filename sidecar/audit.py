"""The shape of an audit event: one JSON line for each decision, in every app, with the same names.

`event` says what was decided on (`token`, `introspect`, `tool`, …), `outcome` how: `issued`, `exchanged`, `called`,
`approved`, or the error code of a refusal. What does not apply is left out. Never a token, secret, code or assertion.
"""

from collections.abc import Iterable, Mapping
from typing import Final

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

_VERSION_BYTES: Final = 2
_TRACE_DIGITS: Final = 32
_HEX: Final = frozenset("0123456789abcdef")


def decision(**said: str | Iterable[str]) -> Mapping[str, str]:
    """What an event says, in the order of FIELDS, without what is empty; lists become words.

    Raises KeyError for a name that is no field: events of different apps are joined by their names.
    """
    if strangers := said.keys() - set(FIELDS):
        raise KeyError(*sorted(strangers))
    words = {name: value if isinstance(value, str) else " ".join(value) for name, value in said.items()}
    return {name: words[name] for name in FIELDS if words.get(name)}


def trace_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The trace that a request belongs to; empty for none, or for one that is malformed. W3C Trace Context §3.2."""
    for name, value in headers:
        if name == b"traceparent":
            version, _, rest = value.decode("latin-1").partition("-")
            found = rest.partition("-")[0]
            sound = len(version) == _VERSION_BYTES and len(found) == _TRACE_DIGITS and set(found) <= _HEX
            return found if sound and set(found) != {"0"} else ""
    return ""
