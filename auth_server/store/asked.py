"""What clients ask people for, over any key-value state: a record each, a list for each person and each client."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import TypeAdapter

from auth_server.asked import Asked, Limits
from auth_server.store.changing import write_changed
from sidecar.state import Json, State

TOLD_AFTERWARDS = 600
"""For so many seconds after it expired, a client is told so and not that it never was."""


@dataclass(frozen=True, kw_only=True)
class _Line:
    client_id: str
    expires: int


_ASKED = TypeAdapter(Asked)
_LIST = TypeAdapter(dict[str, _Line])
_Lines = Mapping[str, _Line]


class AskedRecords:
    """See `asked_contract.AskedOf`."""

    def __init__(self, state: State, clock: Callable[[], float]) -> None:
        self._state = state
        self._clock = clock

    async def add(self, asked: Asked, limits: Limits) -> bool:
        """Listed first: a line without a record is harmless, and ends with its time."""

        def has_room(lines: _Lines) -> bool:
            pair = sum(line.client_id == asked.client_id for line in lines.values())
            return len(lines) < limits.person and pair < limits.pair

        if not await self._enlist(_of_person(asked.subject), asked, has_room):
            return False
        if not await self._enlist(_of_client(asked.client_id), asked, lambda lines: len(lines) < limits.client):
            await self._strike(_of_person(asked.subject), asked.id)
            return False
        await self.add_approved(asked)
        return True

    async def add_approved(self, asked: Asked) -> None:
        """One write; an id of 128 random bits is nobody else's."""
        await self._state.insert(_key(asked.id), _json(asked), ttl=self._ttl(_json(asked)))

    async def find(self, asked_id: str) -> Asked | None:
        """One read."""
        entry = await self._state.get(_key(asked_id))
        return None if entry is None else _ASKED.validate_python(entry.value)

    async def change(self, asked_id: str, change: Callable[[Asked], Asked]) -> Asked | None:
        """Compare-and-set until it holds; what is left as it is, is not written."""
        latest: list[Asked | None] = []

        def apply(value: Json) -> Json:
            found = None if value is None else _ASKED.validate_python(value)
            changed = None if found is None else change(found)
            latest[:] = [changed]
            return None if changed is None or changed is found else _json(changed)

        await write_changed(self._state, _key(asked_id), apply, ttl=self._ttl)
        return latest[0]

    async def waiting(self, subject: str) -> tuple[Asked, ...]:
        """One read of the list, one of each request in it."""
        entry = await self._state.get(_of_person(subject))
        names = () if entry is None else self._lasting(entry.value)
        found = [await self.find(name) for name in names]
        mine = [one for one in found if one and one.subject == subject and one.state == "open"]
        return tuple(sorted((one for one in mine if one.expires > self._clock()), key=lambda one: one.created))

    async def settle(self, asked: Asked) -> None:
        """Off both lists."""
        await self._strike(_of_person(asked.subject), asked.id)
        await self._strike(_of_client(asked.client_id), asked.id)

    async def _enlist(self, key: str, asked: Asked, has_room: Callable[[_Lines], bool]) -> bool:
        def apply(value: Json) -> Json:
            # Not counted among the others: a write of ours whose answer was lost stands there already.
            lines = {name: line for name, line in self._lasting(value).items() if name != asked.id}
            new = {asked.id: _Line(client_id=asked.client_id, expires=asked.expires)}
            return _listed({**lines, **new}) if has_room(lines) else None

        return await write_changed(self._state, key, apply, absent={}, ttl=self._list_ttl) is not None

    async def _strike(self, key: str, name: str) -> None:
        def apply(value: Json) -> Json:
            lines = self._lasting(value)
            return _listed({one: line for one, line in lines.items() if one != name}) if name in lines else None

        await write_changed(self._state, key, apply, absent={}, ttl=self._list_ttl)

    def _lasting(self, value: Json) -> _Lines:
        return {name: line for name, line in _LIST.validate_python(value).items() if line.expires > self._clock()}

    def _ttl(self, value: Json) -> int:
        return max(1, int(_ASKED.validate_python(value).expires + TOLD_AFTERWARDS - self._clock()))

    def _list_ttl(self, value: Json) -> int:
        latest = max((line.expires for line in _LIST.validate_python(value).values()), default=0)
        return max(1, int(latest - self._clock()))


def _key(asked_id: str) -> str:
    return f"asked-{asked_id}"


def _of_person(subject: str) -> str:
    return f"asked-of-{subject}"


def _of_client(client_id: str) -> str:
    return f"asked-by-{client_id}"


def _json(asked: Asked) -> Json:
    return cast("Json", _ASKED.dump_python(asked, mode="json"))


def _listed(lines: _Lines) -> Json:
    return cast("Json", _LIST.dump_python(dict(lines), mode="json"))
