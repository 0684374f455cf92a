"""What every store promises, concurrency included. Each method raises StateUnavailable when it cannot be asked."""

from collections.abc import Callable, Mapping
from typing import Protocol

from auth_server.models import Client, Invitation, Overlay, Ring
from auth_server.people import Interaction, Listed, Permission, Session, User


class Clients(Protocol):
    """Clients made at run time, and what was changed at run time about those of identity.yaml."""

    async def find(self, client_id: str) -> Client | None:
        """The client as it was last written."""
        ...

    async def add(self, client: Client) -> bool:
        """True for exactly one caller for each client id, however many race; it is listed from then on."""
        ...

    async def change(self, client_id: str, change: Callable[[Client], Client]) -> Client | None:
        """Apply to the latest value, losing nobody else's change; None when there is no such client."""
        ...

    async def ids(self) -> tuple[str, ...]:
        """Every client id that was added."""
        ...

    async def overlays(self) -> Mapping[str, Overlay]:
        """What was changed about clients of identity.yaml."""
        ...

    async def change_overlay(self, client_id: str, change: Callable[[Overlay], Overlay]) -> Overlay:
        """Apply to the latest value, losing nobody else's change."""
        ...


class Rings(Protocol):
    """The ring of signing keys."""

    async def read(self) -> Ring | None:
        """The ring, or None before the first start."""
        ...

    async def insert(self, ring: Ring) -> bool:
        """True for exactly one caller, ever."""
        ...

    async def change(self, change: Callable[[Ring], Ring]) -> Ring | None:
        """Apply to the latest value, losing nobody else's change; None before the first start."""
        ...


class Spent(Protocol):
    """What may be used once, and what is used up."""

    async def first_use(self, name: str, ttl: int) -> bool:
        """True for exactly one caller for each name within `ttl` seconds, however many race. RFC 7523 §3 item 7."""
        ...

    async def revoke(self, jti: str, ttl: int) -> None:
        """Remember for `ttl` seconds that a token is revoked. RFC 7009 §2."""
        ...

    async def is_revoked(self, jti: str) -> bool:
        """Whether a token was revoked."""
        ...


class Invitations(Protocol):
    """Initial access tokens, by hash. RFC 7591 §3."""

    async def add(self, token_hash: str, invitation: Invitation, ttl: int) -> None:
        """Remember for `ttl` seconds."""
        ...

    async def find(self, token_hash: str) -> Invitation | None:
        """The invitation, if it has a use left."""
        ...

    async def spend(self, token_hash: str, now: float) -> bool:
        """Take one use. True exactly as often as it has uses, however many race; never after it expired."""
        ...


class Users(Protocol):
    """People made at run time, by name."""

    async def find(self, name: str) -> User | None:
        """The person as last written."""
        ...

    async def add(self, user: User) -> bool:
        """True for exactly one caller for each name, however many race; it is listed from then on."""
        ...

    async def change(self, name: str, change: Callable[[User], User]) -> User | None:
        """Apply to the latest value, losing nobody else's change; None when there is no such person."""
        ...

    async def name_of(self, subject: str) -> str | None:
        """The name that a subject signs in with, where that was written down."""
        ...

    async def name(self, subject: str, name: str) -> None:
        """Write it down."""
        ...

    async def names(self) -> tuple[str, ...]:
        """Every name that was added."""
        ...


class Interactions(Protocol):
    """Authorization requests that wait for a person, for ten minutes."""

    async def add(self, interaction: Interaction) -> None:
        """Remember one; its id is random, so nobody else's."""
        ...

    async def find(self, interaction_id: str) -> Interaction | None:
        """The request, decided or not."""
        ...

    async def decide(self, interaction_id: str) -> bool:
        """True for exactly one caller for each request, however many race."""
        ...


class Sessions(Protocol):
    """Who is signed in where. Tokens of 256 random bits stand in cookies, their hashes here."""

    async def start(self, token_hash: str, session: Session) -> None:
        """Remember until it expires, and list it; the oldest of too many end."""
        ...

    async def find(self, token_hash: str) -> Session | None:
        """The session, if it lasts."""
        ...

    async def listed(self, subject: str) -> tuple[Session, ...]:
        """A person's sessions that last."""
        ...

    async def end(self, subject: str, reference: str) -> None:
        """End one of a person's sessions; no other person's."""
        ...


class Permissions(Protocol):
    """What people allowed clients."""

    async def add(self, permission: Permission, listed: Listed) -> None:
        """Remember and list it; the oldest of too many are revoked."""
        ...

    async def find(self, permission_id: str) -> Permission | None:
        """The permission, revoked or not."""
        ...

    async def change(self, permission_id: str, change: Callable[[Permission], Permission]) -> Permission | None:
        """Apply to the latest value, losing nobody else's change; None when there is none.

        What `change` raises goes on to the caller, and nothing is written.
        """
        ...

    async def revoke(self, subject: str, permission_id: str) -> None:
        """Revoke a person's permission for good, with every token of it, and list it no more."""
        ...

    async def listed(self, subject: str) -> tuple[Listed, ...]:
        """What a person allowed and did not take back, oldest first."""
        ...


class Devices(Protocol):
    """Which browsers a person signed in with before, for a year; both by hash."""

    async def is_known(self, device_hash: str, name_hash: str) -> bool:
        """Whether this person signed in with it."""
        ...

    async def remember(self, device_hash: str, name_hash: str) -> None:
        """They did, just now."""
        ...
