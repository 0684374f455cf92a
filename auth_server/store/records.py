"""Signing keys, what is spent, and invitations, over any key-value state."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import cast

from pydantic import TypeAdapter

from auth_server.models import Invitation, Ring
from auth_server.store.changing import pause, write_changed
from sidecar.state import Json, State, StateUnavailable

_RING = TypeAdapter(Ring)
_INVITATION = TypeAdapter(Invitation)
_RING_KEY = "signing-keys"
_TRIES = 40


class RingRecords:
    """See `contract.Rings`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def read(self) -> Ring | None:
        """One read."""
        entry = await self._state.get(_RING_KEY)
        return None if entry is None else _RING.validate_python(entry.value)

    async def insert(self, ring: Ring) -> bool:
        """Insert if absent."""
        return await self._state.insert(_RING_KEY, _json(_RING, ring))

    async def change(self, change: Callable[[Ring], Ring]) -> Ring | None:
        """Compare-and-set until it holds."""

        def apply(value: Json) -> Json:
            return None if value is None else _json(_RING, change(_RING.validate_python(value)))

        written = await write_changed(self._state, _RING_KEY, apply)
        return None if written is None else _RING.validate_python(written)


class SpentRecords:
    """See `contract.Spent`. Names are hashed: they come from requests and may be of any length."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def first_use(self, name: str, ttl: int) -> bool:
        """Insert a marker if absent: no delete, no second winner."""
        return await self._state.insert(f"used-{_digest(name)}", value=True, ttl=max(1, ttl))

    async def revoke(self, jti: str, ttl: int) -> None:
        """The last writer says the same as the first."""
        await self._state.put(f"revoked-{_digest(jti)}", value=True, ttl=max(1, ttl))

    async def is_revoked(self, jti: str) -> bool:
        """One read."""
        return await self._state.get(f"revoked-{_digest(jti)}") is not None


class InvitationRecords:
    """See `contract.Invitations`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, token_hash: str, invitation: Invitation, ttl: int) -> None:
        """Written once; a hash of 256 random bits is nobody else's."""
        await self._state.insert(_key(token_hash), _json(_INVITATION, invitation), ttl=ttl)

    async def find(self, token_hash: str) -> Invitation | None:
        """One read."""
        entry = await self._state.get(_key(token_hash))
        found = None if entry is None else _INVITATION.validate_python(entry.value)
        return found if found and found.uses > 0 else None

    async def spend(self, token_hash: str, now: float) -> bool:
        """Compare-and-set one use away; the rest keeps its expiry, which each write must say again."""
        for attempt in range(_TRIES):
            entry = await self._state.get(_key(token_hash))
            found = None if entry is None else _INVITATION.validate_python(entry.value)
            if entry is None or found is None or found.uses < 1 or found.expires <= now:
                return False
            rest = _json(_INVITATION, replace(found, uses=found.uses - 1))
            if await self._state.replace(_key(token_hash), rest, entry.etag, ttl=max(1, int(found.expires - now))):
                return True
            await pause(attempt)
        raise StateUnavailable("an invitation is used by too many at once")


def _key(token_hash: str) -> str:
    return f"invitation-{token_hash}"


def _digest(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _json(adapter: TypeAdapter[Ring] | TypeAdapter[Invitation], value: Ring | Invitation) -> Json:
    return cast("Json", adapter.dump_python(value, mode="json"))  # type: ignore[arg-type]
