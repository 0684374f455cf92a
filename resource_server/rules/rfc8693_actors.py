"""RFC 8693 — Token Exchange: who acts in the name of a token's subject?"""

from collections.abc import Mapping
from typing import Any, cast

_MOST = 16


def actors_of(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Everybody in the chain of `act`, the latest first; nobody in a token that its subject got itself. §4.1.

    For records and people to read: only the subject and the latest actor count for a decision. §4.1.
    """
    found: list[str] = []
    inner: object = claims.get("act")
    while isinstance(inner, Mapping) and len(found) < _MOST:
        act = cast("Mapping[str, object]", inner)
        subject = act.get("sub")
        found.append(subject if isinstance(subject, str) else "?")
        inner = act.get("act")
    return tuple(found)
