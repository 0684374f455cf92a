"""What every key-value state promises, concurrency included, whichever store is underneath."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A value as it was read, with the mark (`etag`) that a later `replace` must present."""

    value: Json
    etag: str


class StateUnavailable(Exception):
    """The store did not answer, or answered with something that is neither a value nor a conflict."""


def check_key(key: str) -> str:
    """A key that every store can hold. Raises ValueError: these come from code, never from a request."""
    if not key or "||" in key:
        raise ValueError(f"a state key is not empty and holds no '||': {key!r}")
    return key


def check_ttl(ttl: int | None) -> int | None:
    """Whole seconds of at least one, or None for ever. Raises ValueError: zero means "for ever" to some stores."""
    if ttl is not None and ttl < 1:
        raise ValueError(f"ttl is at least one second, not {ttl}")
    return ttl


class State(Protocol):
    """A key-value state shared by all replicas of one app. Keys hold no `||`; `ttl` is in whole seconds.

    A write without `ttl` lasts for ever, also where the value before it had one.
    Every method raises `StateUnavailable` when the store cannot be asked.
    """

    async def get(self, key: str) -> Entry | None:
        """The value now, or None when it was never written, was deleted or has expired."""
        ...

    async def insert(self, key: str, value: Json, *, ttl: int | None = None) -> bool:
        """Write if absent: True for exactly one caller, however many race."""
        ...

    async def replace(self, key: str, value: Json, etag: str, *, ttl: int | None = None) -> bool:
        """Write if unchanged since `etag` was read: True for exactly one caller, however many race."""
        ...

    async def put(self, key: str, value: Json, *, ttl: int | None = None) -> None:
        """Write whatever is there: the last writer wins."""
        ...

    async def delete(self, key: str) -> None:
        """Remove, if there. Never a lock: use `replace` to mark something as spent."""
        ...
