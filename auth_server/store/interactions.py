"""Authorization requests that wait for a person, over any key-value state."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from pydantic import TypeAdapter

from auth_server.people import Interaction
from auth_server.store.changing import pause
from sidecar.state import Json, State, StateUnavailable

LIFETIME = 600
_INTERACTION = TypeAdapter(Interaction)
_TRIES = 40


class InteractionRecords:
    """See `contract.Interactions`."""

    def __init__(self, state: State, clock: Callable[[], float]) -> None:
        self._state = state
        self._clock = clock

    async def add(self, interaction: Interaction) -> None:
        """One write."""
        await self._state.insert(_key(interaction.id), _json(interaction), ttl=LIFETIME)

    async def find(self, interaction_id: str) -> Interaction | None:
        """One read."""
        entry = await self._state.get(_key(interaction_id))
        return None if entry is None else _INTERACTION.validate_python(entry.value)

    async def decide(self, interaction_id: str) -> bool:
        """Mark it with compare-and-set; it stays as a tombstone for the rest of its time."""
        for attempt in range(_TRIES):
            entry = await self._state.get(_key(interaction_id))
            found = None if entry is None else _INTERACTION.validate_python(entry.value)
            if entry is None or found is None or found.decided:
                return False
            left = max(1, int(found.created + LIFETIME - self._clock()))
            if await self._state.replace(_key(found.id), _json(replace(found, decided=True)), entry.etag, ttl=left):
                return True
            await pause(attempt)
        raise StateUnavailable("an interaction is decided by too many at once")


def _key(interaction_id: str) -> str:
    return f"interaction-{interaction_id}"


def _json(interaction: Interaction) -> Json:
    return cast("Json", _INTERACTION.dump_python(interaction, mode="json"))
