"""What people allowed clients, over any key-value state: a record for each permission, and a list for each person."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from pydantic import TypeAdapter

from auth_server.people import Listed, Permission
from auth_server.store.changing import write_changed
from sidecar.state import Json, State

_PERMISSION = TypeAdapter(Permission)
_LIST = TypeAdapter(list[Listed])
_MOST = 100


class PermissionRecords:
    """See `contract.Permissions`. A record outlives its permission by nothing: what has expired is no longer there."""

    def __init__(self, state: State, clock: Callable[[], float]) -> None:
        self._state = state
        self._clock = clock

    async def add(self, permission: Permission, listed: Listed) -> None:
        """Listed first: a line without a record is harmless, a permission that is not listed cannot be taken back."""
        dropped: list[str] = []

        def apply(value: Json) -> Json:
            lines = [*self._lasting(value), listed]
            dropped[:] = [line.id for line in lines[:-_MOST]]
            return cast("Json", _LIST.dump_python(lines[-_MOST:], mode="json"))

        await write_changed(self._state, _list_key(permission.subject), apply, absent=[], ttl=self._list_ttl)
        for name in dropped:
            await self._mark_revoked(name)
        await self._state.insert(_key(permission.id), _json(permission), ttl=self._ttl(_json(permission)))

    async def find(self, permission_id: str) -> Permission | None:
        """One read."""
        entry = await self._state.get(_key(permission_id))
        return None if entry is None else _PERMISSION.validate_python(entry.value)

    async def change(self, permission_id: str, change: Callable[[Permission], Permission]) -> Permission | None:
        """Compare-and-set until it holds; what is left as it is, is not written."""
        latest: list[Permission | None] = []

        def apply(value: Json) -> Json:
            found = None if value is None else _PERMISSION.validate_python(value)
            changed = None if found is None else change(found)
            latest[:] = [changed]
            return None if changed is None or changed is found else _json(changed)

        await write_changed(self._state, _key(permission_id), apply, ttl=self._ttl)
        return latest[0]

    async def revoke(self, subject: str, permission_id: str) -> None:
        """The record first: it is what tokens are held against."""
        await self._mark_revoked(permission_id)

        def apply(value: Json) -> Json:
            kept = [line for line in self._lasting(value) if line.id != permission_id]
            if len(kept) == len(self._lasting(value)):
                return None
            return cast("Json", _LIST.dump_python(kept, mode="json"))

        await write_changed(self._state, _list_key(subject), apply, absent=[], ttl=self._list_ttl)

    async def listed(self, subject: str) -> tuple[Listed, ...]:
        """One read."""
        entry = await self._state.get(_list_key(subject))
        return () if entry is None else tuple(self._lasting(entry.value))

    async def _mark_revoked(self, permission_id: str) -> None:
        await self.change(permission_id, lambda found: found if found.revoked else replace(found, revoked=True))

    def _lasting(self, value: Json) -> list[Listed]:
        return [line for line in _LIST.validate_python(value) if line.expires > self._clock()]

    def _ttl(self, value: Json) -> int:
        return max(1, int(_PERMISSION.validate_python(value).expires - self._clock()))

    def _list_ttl(self, value: Json) -> int:
        latest = max((line.expires for line in self._lasting(value)), default=0)
        return max(1, int(latest - self._clock()))


def _key(permission_id: str) -> str:
    return f"permission-{permission_id}"


def _list_key(subject: str) -> str:
    return f"permissions-{subject}"


def _json(permission: Permission) -> Json:
    return cast("Json", _PERMISSION.dump_python(permission, mode="json"))
