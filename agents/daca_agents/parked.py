"""Runs that wait for a person, in the app's state: they outlive every process, and any replica goes on with them."""

from typing import Final

from a2a.utils.errors import InvalidParamsError

from daca_agents.approvals import Paused, paused_of
from sidecar.state import State

LIFE: Final = 24 * 3600
"""Seconds that a person has to decide."""
LARGEST: Final = 512 * 1024
"""Characters of a run that can wait."""


class TooLarge(Exception):
    """A run of which so much is to be kept that it can not wait."""


class Parked:
    """One record a task, written before the task says that it waits."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def put(self, task_id: str, paused: Paused) -> None:
        """Keep it. Raises TooLarge."""
        if len(paused.run) > LARGEST:
            raise TooLarge(f"{len(paused.run)} characters of a run can not wait for a decision")
        await self._state.put(_key(task_id), paused.record(), ttl=LIFE)

    async def get(self, task_id: str) -> Paused:
        """What waits. Raises InvalidParamsError when that was too long ago."""
        entry = await self._state.get(_key(task_id))
        if entry is None:
            raise InvalidParamsError("nothing waits for a decision here any more: ask again")
        return paused_of(entry.value)

    async def drop(self, task_id: str) -> None:
        """Forget it: it goes on, or never will."""
        await self._state.delete(_key(task_id))


def _key(task_id: str) -> str:
    return f"paused-{task_id}"
