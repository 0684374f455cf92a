"""What is kept of a sign-in, by issuer and resource: tokens of one issuer are never tried at another."""

from dataclasses import dataclass, field

from oauth_client.browser import Authorized
from oauth_client.models import Document, Target, TokenAnswer
from oauth_client.vault import Vault


@dataclass(frozen=True, kw_only=True)
class Session:
    """One person's tokens for one resource. Times are in seconds since 1970, since they outlive the process."""

    issuer: str
    resource: str
    client_id: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scopes: frozenset[str]
    asked: frozenset[str]
    obtained_at: float
    expires_at: float


def begun(target: Target, made: Authorized, now: float, life: int) -> Session:
    """A new sign-in."""
    return Session(
        issuer=target.server.issuer,
        resource=target.metadata.resource,
        client_id=made.client_id,
        access_token=made.answer.access_token,
        refresh_token=made.answer.refresh_token,
        scopes=made.answer.scopes,
        asked=made.asked,
        obtained_at=now,
        expires_at=now + (made.answer.lifetime or life),
    )


def renewed(session: Session, answer: TokenAnswer, now: float, life: int) -> Session:
    """With a new access token; a rotated refresh token takes the place of the old one. OAuth 2.1 §4.3.2."""
    return Session(
        issuer=session.issuer,
        resource=session.resource,
        client_id=session.client_id,
        access_token=answer.access_token,
        refresh_token=answer.refresh_token or session.refresh_token,
        scopes=answer.scopes,
        asked=session.asked,
        obtained_at=now,
        expires_at=now + (answer.lifetime or life),
    )


class Sessions:
    """The sign-ins of a vault."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def find(self, issuer: str, resource: str) -> Session | None:
        """The sign-in for this resource at this very issuer, if there is one."""
        kept = await self._vault.read(name_of(issuer, resource))
        session = None if kept is None else _session(Document(kept))
        return session if session and (session.issuer, session.resource) == (issuer, resource) else None

    async def keep(self, session: Session) -> None:
        """Put it in place of the one before."""
        value = {**vars(session), "scopes": sorted(session.scopes), "asked": sorted(session.asked)}
        await self._vault.write(name_of(session.issuer, session.resource), value)

    async def forget(self, issuer: str, resource: str) -> None:
        """Remove it."""
        await self._vault.forget(name_of(issuer, resource))


def name_of(issuer: str, resource: str) -> str:
    """What a sign-in is kept under."""
    return f"session {issuer} {resource}"


def _session(kept: Document) -> Session:
    return Session(
        issuer=kept.text("issuer"),
        resource=kept.text("resource"),
        client_id=kept.text("client_id"),
        access_token=kept.text("access_token"),
        refresh_token=kept.text("refresh_token"),
        scopes=frozenset(kept.strings("scopes")),
        asked=frozenset(kept.strings("asked")),
        obtained_at=_number(kept, "obtained_at"),
        expires_at=_number(kept, "expires_at"),
    )


def _number(kept: Document, name: str) -> float:
    value = kept.members.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
