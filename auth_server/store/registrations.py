"""Clients that registered themselves for people, over any key-value state: each on a lease."""

from collections.abc import Callable
from hashlib import sha256
from typing import cast

from pydantic import TypeAdapter

from auth_server.models import Registered
from auth_server.store.changing import write_changed
from sidecar.state import Json, State

_REGISTERED = TypeAdapter(Registered)
_LEASES = TypeAdapter(dict[str, int])
_SHELVES = 64


class RegistrationRecords:
    """See `contract.Registrations`."""

    def __init__(self, state: State, clock: Callable[[], float]) -> None:
        self._state = state
        self._clock = clock

    async def find(self, client_id: str) -> Registered | None:
        """One read; a store may be late with what has expired."""
        entry = await self._state.get(_key(client_id))
        found = None if entry is None else _REGISTERED.validate_python(entry.value)
        return found if found is not None and found.expires > self._clock() else None

    async def named(self, software: str) -> str | None:
        """One read."""
        entry = await self._state.get(_software_key(software))
        return None if entry is None else str(entry.value)

    async def add(self, registered: Registered) -> None:
        """Listed first; then the client: a hash that leads to nobody costs the next one a look-up, and nothing else."""
        await self.enlist(registered)
        await self._state.insert(_key(registered.client.client_id), _json(registered), ttl=self._left(registered))
        await self.name(registered)

    async def name(self, registered: Registered) -> None:
        """The last writer wins, and any of them will do."""
        client_id, left = registered.client.client_id, self._left(registered)
        await self._state.put(_software_key(registered.software), client_id, ttl=left)

    async def change(self, client_id: str, change: Callable[[Registered], Registered]) -> Registered | None:
        """Compare-and-set until it holds."""

        def apply(value: Json) -> Json:
            found = None if value is None else _REGISTERED.validate_python(value)
            return None if found is None or found.expires <= self._clock() else _json(change(found))

        def left(value: Json) -> int:
            return self._left(_REGISTERED.validate_python(value))

        written = await write_changed(self._state, _key(client_id), apply, ttl=left)
        return None if written is None else _REGISTERED.validate_python(written)

    async def enlist(self, registered: Registered) -> None:
        """Many small lists, so that those who register at once seldom meet; what has ended goes with the next one."""
        client_id, expires = registered.client.client_id, registered.expires

        def apply(value: Json) -> Json:
            lasting = {name: end for name, end in _LEASES.validate_python(value).items() if end > self._clock()}
            return cast("Json", {**lasting, client_id: expires})

        def longest(value: Json) -> int:
            return max(1, int(max(_LEASES.validate_python(value).values()) - self._clock()))

        shelf = sha256(client_id.encode()).digest()[0] % _SHELVES
        await write_changed(self._state, _shelf_key(shelf), apply, absent={}, ttl=longest)

    async def listed(self) -> tuple[Registered, ...]:
        """One read a list, one a client; for an operator."""
        shelves = [await self._state.get(_shelf_key(shelf)) for shelf in range(_SHELVES)]
        names = [name for entry in shelves if entry for name in _LEASES.validate_python(entry.value)]
        return tuple([found for name in names if (found := await self.find(name))])

    async def remove(self, client_id: str) -> None:
        """For good: a change that is under way finds nothing to replace."""
        await self._state.delete(_key(client_id))

    async def count(self, window: int, allowed: int) -> bool:
        """One counter for each window, for all replicas together; when it is full nothing is written any more."""
        key = f"registrations-{int(self._clock()) // window}"

        def more(value: Json) -> Json:
            return None if cast("int", value) >= allowed else cast("int", value) + 1

        return await write_changed(self._state, key, more, absent=0, ttl=lambda _value: 2 * window) is not None

    def _left(self, registered: Registered) -> int:
        return max(1, int(registered.expires - self._clock()))


def _key(client_id: str) -> str:
    return f"registration-{client_id}"


def _shelf_key(shelf: int) -> str:
    return f"registrations-listed-{shelf}"


def _software_key(software: str) -> str:
    return f"software-{software}"


def _json(registered: Registered) -> Json:
    return cast("Json", _REGISTERED.dump_python(registered, mode="json"))
