"""RFC 8259 — JSON from strangers: a member is what it should be, or as good as absent."""

from collections.abc import Mapping
from typing import cast


def text(document: Mapping[str, object], name: str) -> str:
    """A string member, or the empty string."""
    value = document.get(name)
    return value if isinstance(value, str) else ""


def strings(document: Mapping[str, object], name: str) -> tuple[str, ...]:
    """The strings of an array member, each once, in order."""
    value = document.get(name)
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(item for item in cast("list[object]", value) if isinstance(item, str) and item))
