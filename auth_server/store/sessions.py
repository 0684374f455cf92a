"""Who is signed in where, over any key-value state."""

from collections.abc import Callable
from typing import cast

from pydantic import TypeAdapter

from auth_server.people import Session
from auth_server.store.changing import write_changed
from sidecar.state import Json, State

_SESSION = TypeAdapter(Session)
_LIST = TypeAdapter(dict[str, Session])
_MOST = 20


class SessionRecords:
    """See `contract.Sessions`. The list holds each session by the hash of its token."""

    def __init__(self, state: State, clock: Callable[[], float]) -> None:
        self._state = state
        self._clock = clock

    async def start(self, token_hash: str, session: Session) -> None:
        """Listed first: a listed session that never began is harmless."""
        ended: list[str] = []

        def apply(value: Json) -> Json:
            lasting = [*self._lasting(value).items(), (token_hash, session)]
            ended[:] = [name for name, _ in lasting[:-_MOST]]
            return _listed(dict(lasting[-_MOST:]))

        await write_changed(self._state, _list_key(session.subject), apply, absent={}, ttl=self._list_ttl)
        for name in ended:
            await self._state.delete(_key(name))
        left = max(1, int(session.expires - self._clock()))
        await self._state.put(_key(token_hash), cast("Json", _SESSION.dump_python(session, mode="json")), ttl=left)

    async def find(self, token_hash: str) -> Session | None:
        """One read."""
        entry = await self._state.get(_key(token_hash))
        found = None if entry is None else _SESSION.validate_python(entry.value)
        return found if found is not None and found.expires > self._clock() else None

    async def listed(self, subject: str) -> tuple[Session, ...]:
        """One read."""
        entry = await self._state.get(_list_key(subject))
        return () if entry is None else tuple(self._lasting(entry.value).values())

    async def end(self, subject: str, reference: str) -> None:
        """The session first, then its line: whoever may not go on does not, even if the line stays."""
        entry = await self._state.get(_list_key(subject))
        for token_hash, session in ({} if entry is None else self._lasting(entry.value)).items():
            if session.reference == reference:
                await self._state.delete(_key(token_hash))

        def apply(value: Json) -> Json:
            kept = {name: one for name, one in self._lasting(value).items() if one.reference != reference}
            return _listed(kept)

        await write_changed(self._state, _list_key(subject), apply, absent={}, ttl=self._list_ttl)

    def _lasting(self, value: Json) -> dict[str, Session]:
        found = _LIST.validate_python(value)
        return {name: session for name, session in found.items() if session.expires > self._clock()}

    def _list_ttl(self, value: Json) -> int:
        latest = max((session.expires for session in self._lasting(value).values()), default=0)
        return max(1, int(latest - self._clock()))


def _key(token_hash: str) -> str:
    return f"session-{token_hash}"


def _list_key(subject: str) -> str:
    return f"sessions-{subject}"


def _listed(sessions: dict[str, Session]) -> Json:
    return cast("Json", _LIST.dump_python(sessions, mode="json"))
