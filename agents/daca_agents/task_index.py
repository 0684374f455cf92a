"""Which tasks somebody has: the latest of each owner, so that they can be listed without a query."""

from collections.abc import Callable, Sequence
from typing import cast

from sidecar.state import State

_MOST = 100
_ATTEMPTS = 20


class TaskIndex:
    """One bounded list an owner, oldest first. What falls out of it can still be asked for by its id."""

    def __init__(self, state: State, *, ttl: int) -> None:
        self._state = state
        self._ttl = ttl

    async def of(self, owner: str) -> Sequence[str]:
        """The ids of the owner's latest tasks."""
        entry = await self._state.get(_key(owner))
        return () if entry is None else cast("Sequence[str]", entry.value)

    async def add(self, owner: str, task_id: str) -> None:
        """One more; beyond the bound the oldest is left out."""
        await self._change(owner, lambda ids: [*(one for one in ids if one != task_id), task_id][-_MOST:])

    async def drop(self, owner: str, task_id: str) -> None:
        """One less."""
        await self._change(owner, lambda ids: [one for one in ids if one != task_id])

    async def _change(self, owner: str, change: Callable[[Sequence[str]], list[str]]) -> None:
        """By compare-and-set; somebody who races without an end loses a line of a list, not a task."""
        for _ in range(_ATTEMPTS):
            entry = await self._state.get(_key(owner))
            if entry is None:
                if await self._state.insert(_key(owner), change([]), ttl=self._ttl):
                    return
                continue
            ids = change(cast("Sequence[str]", entry.value))
            if await self._state.replace(_key(owner), ids, entry.etag, ttl=self._ttl):
                return


def _key(owner: str) -> str:
    return f"tasks-of-{owner}"
