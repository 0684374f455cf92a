"""What every store promises about people who sign in elsewhere. Raises StateUnavailable, as all of them do."""

from typing import Protocol

from auth_server.people import Errand, Newcomer


class Errands(Protocol):
    """Browsers on their way to the upstream provider and back, for ten minutes."""

    async def add(self, errand: Errand) -> None:
        """Remember one; its id is random, so nobody else's."""
        ...

    async def find(self, errand_id: str) -> Errand | None:
        """The errand, while it lasts and is not done."""
        ...

    async def finish(self, errand_id: str) -> bool:
        """True for exactly one caller for each errand, however many race."""
        ...


class Newcomers(Protocol):
    """People whom an upstream provider vouches for."""

    async def subject(self, issuer: str, upstream_subject: str, fresh: str) -> str:
        """What tokens call a person, for ever the same: `fresh` for whoever comes first, however many race."""
        ...

    async def find(self, subject: str) -> Newcomer | None:
        """The person as they signed in last."""
        ...

    async def put(self, person: Newcomer) -> None:
        """Remember how they signed in."""
        ...
