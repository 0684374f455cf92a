"""People made at run time, over any key-value state; names come from requests, so keys hold their hashes."""

from collections.abc import Callable
from hashlib import sha256
from typing import cast

from pydantic import TypeAdapter

from auth_server.people import User
from auth_server.store.changing import write_changed
from sidecar.state import Json, State

_USER = TypeAdapter(User)
_INDEX = "users"


class UserRecords:
    """See `contract.Users`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def find(self, name: str) -> User | None:
        """One read."""
        entry = await self._state.get(_key(name))
        return None if entry is None else _USER.validate_python(entry.value)

    async def add(self, user: User) -> bool:
        """Indexed first: a listed name without a person is harmless, a person who is not listed is lost to sight."""

        def listed(names: Json) -> Json:
            known = cast("list[str]", names)
            return None if user.name in known else [*known, user.name]

        await write_changed(self._state, _INDEX, listed, absent=[])
        added = await self._state.insert(_key(user.name), _json(user))
        if added:
            await self.name(user.subject, user.name)
        return added

    async def name_of(self, subject: str) -> str | None:
        """One read."""
        entry = await self._state.get(_subject_key(subject))
        return None if entry is None else str(entry.value)

    async def name(self, subject: str, name: str) -> None:
        """One write; a person never gets another name."""
        await self._state.put(_subject_key(subject), name)

    async def change(self, name: str, change: Callable[[User], User]) -> User | None:
        """Compare-and-set until it holds."""

        def apply(value: Json) -> Json:
            return None if value is None else _json(change(_USER.validate_python(value)))

        written = await write_changed(self._state, _key(name), apply)
        return None if written is None else _USER.validate_python(written)

    async def names(self) -> tuple[str, ...]:
        """One read."""
        entry = await self._state.get(_INDEX)
        return () if entry is None else tuple(cast("list[str]", entry.value))


def _key(name: str) -> str:
    return f"user-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _subject_key(subject: str) -> str:
    return f"user-called-{sha256(subject.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _json(user: User) -> Json:
    return cast("Json", _USER.dump_python(user, mode="json"))
