"""Which signing key is next, current or retired: decided by times alone, so that all replicas agree without talking.

A key is published before it signs and stays published until the last token that it signed has expired.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, TypeAlias

from auth_server.models import KeyRecord, Ring, SigningAlg

Role: TypeAlias = Literal["next", "current", "retired"]
LEAD = 600
"""How long a key is published before it signs: longer than anyone may cache the JWKS."""
KEEP = 3600 + 600
"""How long a retired key stays: the longest token lifetime, a replica that was slow to notice, clocks that differ."""


def current(ring: Ring, alg: SigningAlg, now: float) -> KeyRecord:
    """The key that signs now. Raises LookupError when there is none."""
    active = [key for key in ring.keys if key.alg == alg and key.active_from is not None and key.active_from <= now]
    if not active:
        raise LookupError(f"no {alg} key is active")
    return max(active, key=_activation)


def role(ring: Ring, key: KeyRecord, now: float) -> Role:
    """What a key is for at this moment."""
    if key.active_from is None or key.active_from > now:
        return "next"
    return "current" if current(ring, key.alg, now) == key else "retired"


def published(ring: Ring, now: float) -> tuple[KeyRecord, ...]:
    """The keys that verifiers must know: all but those retired for long enough."""
    return tuple(key for key in ring.keys if (retired := retired_at(ring, key)) is None or retired + KEEP > now)


def first(fresh: Iterable[KeyRecord], standby: Iterable[KeyRecord], now: int) -> Ring:
    """A new installation's ring: one key that signs at once, for nobody has cached anything, and one in waiting."""
    return Ring(keys=(*(replace(key, active_from=now) for key in fresh), *standby))


def rotate(ring: Ring, standby: Iterable[KeyRecord], now: int) -> Ring:
    """Let the waiting keys sign as soon as they have been published for long enough, and put new ones in waiting."""
    kept = (replace(key, active_from=_earliest(key, now)) for key in published(ring, now))
    return Ring(keys=(*kept, *standby))


def _earliest(key: KeyRecord, now: int) -> int:
    return max(now, key.published + LEAD) if key.active_from is None else key.active_from


def _activation(key: KeyRecord) -> int:
    return key.active_from or 0


def retired_at(ring: Ring, key: KeyRecord) -> int | None:
    """When another key of its kind signs in its place; None while nobody knows."""
    if key.active_from is None:
        return None
    later = (other.active_from for other in ring.keys if other.alg == key.alg and other.active_from is not None)
    return min((begin for begin in later if begin > key.active_from), default=None)
