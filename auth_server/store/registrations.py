"""Clients that registered themselves for people, over any key-value state: each on a lease, none in any list."""

from collections.abc import Callable
from typing import cast

from pydantic import TypeAdapter

from auth_server.models import Registered
from auth_server.store.changing import write_changed
from sidecar.state import Json, State

_REGISTERED = TypeAdapter(Registered)


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
        """The client first: a hash that leads to nobody would cost the next one a look-up, and nothing else."""
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


def _software_key(software: str) -> str:
    return f"software-{software}"


def _json(registered: Registered) -> Json:
    return cast("Json", _REGISTERED.dump_python(registered, mode="json"))
