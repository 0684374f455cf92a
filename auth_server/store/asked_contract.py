"""What every store promises about what clients ask people for. Raises StateUnavailable, as all of them do."""

from collections.abc import Callable
from typing import Protocol

from auth_server.asked import Asked, Limits


class AskedOf(Protocol):
    """Requests that wait for people, each until it expires and a while longer, so that its end can be told."""

    async def add(self, asked: Asked, limits: Limits) -> bool:
        """Remember an open one and list it; False when too many wait, exactly, however many race."""
        ...

    async def add_approved(self, asked: Asked) -> None:
        """Remember one that needs nobody any more."""
        ...

    async def find(self, asked_id: str) -> Asked | None:
        """The request, decided or not."""
        ...

    async def change(self, asked_id: str, change: Callable[[Asked], Asked]) -> Asked | None:
        """Apply to the latest value, losing nobody else's change; None when there is none.

        What `change` raises goes on to the caller, and nothing is written.
        """
        ...

    async def waiting(self, subject: str) -> tuple[Asked, ...]:
        """A person's open requests, oldest first."""
        ...

    async def settle(self, asked: Asked) -> None:
        """Its place is free for another. One that nobody settles keeps its place until it expires."""
        ...
