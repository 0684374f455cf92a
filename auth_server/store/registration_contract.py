"""What every store promises about clients that registered themselves. Raises StateUnavailable, as all of them do."""

from collections.abc import Callable
from typing import Protocol

from auth_server.models import Registered


class Registrations(Protocol):
    """Clients that registered themselves for people, each until its lease ends."""

    async def find(self, client_id: str) -> Registered | None:
        """The registration, while it lasts."""
        ...

    async def named(self, software: str) -> str | None:
        """The client id that software of this hash had last; it may be gone, or changed."""
        ...

    async def add(self, registered: Registered) -> None:
        """Remember until its lease ends, by its id and by its hash."""
        ...

    async def name(self, registered: Registered) -> None:
        """Let the hash lead to it for as long as it lasts now."""
        ...

    async def change(self, client_id: str, change: Callable[[Registered], Registered]) -> Registered | None:
        """Apply to the latest value, losing nobody else's change; None when there is none any more.

        What `change` raises goes on to the caller, and nothing is written.
        """
        ...

    async def enlist(self, registered: Registered) -> None:
        """List it until its lease ends; again whenever that is later."""
        ...

    async def listed(self) -> tuple[Registered, ...]:
        """Every registration that lasts."""
        ...

    async def remove(self, client_id: str) -> None:
        """Forget it; no change that is under way brings it back."""
        ...

    async def count(self, window: int, allowed: int) -> bool:
        """True for exactly `allowed` callers within each window of so many seconds, however many race."""
        ...
