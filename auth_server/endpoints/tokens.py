"""What the server knows of a token that somebody presents: access tokens, and refresh tokens of people's clients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from auth_server.keys import Keys
from auth_server.models import Claims
from auth_server.people import Permission
from auth_server.rules import oauth21_refresh_token as refresh
from auth_server.store.contract import Permissions, Spent

_LEEWAY = 60


@dataclass(frozen=True, kw_only=True)
class Known:
    """A token of ours: its claims or, for a refresh token, what it would say, and the permission behind it."""

    claims: Claims
    kind: str
    permission: Permission | None = None

    @property
    def client_id(self) -> str:
        """The client that it was issued to."""
        return str(self.claims["client_id"])

    @property
    def jti(self) -> str:
        """Its id, or that of its permission."""
        return str(self.claims.get("jti", self.permission.id if self.permission else ""))


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Looks tokens up, and ends them."""

    keys: Keys
    spent: Spent
    permissions: Permissions
    clock: Callable[[], float]

    async def find(self, token: str) -> Known | None:
        """What a token is, be it expired or revoked; None for what is none of ours."""
        claims = self.keys.recognise(token)
        if claims is not None:
            name = refresh.permission_of(str(claims["jti"]))
            found = None if name is None else await self.permissions.find(name)
            return Known(claims=claims, kind="access_token", permission=found)
        name = refresh.permission_of(token)
        found = None if name is None else await self.permissions.find(name)
        if found is None or found.family is None:
            return None
        if refresh.judge(token, found.family, now=self.clock()) == "unknown":
            return None
        return Known(claims=_told(found), kind="refresh_token", permission=found)

    async def is_active(self, token: str, known: Known) -> bool:
        """Whether a token counts now: a person's one with its permission. RFC 7662 §2.2."""
        found = known.permission
        if float(str(known.claims["exp"])) <= self.clock() or (found is not None and found.revoked):
            return False
        if known.kind == "refresh_token":
            return self._is_current(token, found)
        lost = found is None and refresh.permission_of(known.jti) is not None
        return not lost and not await self._is_revoked(known.jti)

    async def _is_revoked(self, jti: str) -> bool:
        """It, or a token that it was exchanged from: the id of an exchanged token begins with theirs."""
        parts = jti.split(".")
        first = 2 if refresh.permission_of(jti) else 1
        lineage = (".".join(parts[:end]) for end in range(len(parts), first - 1, -1))
        return any([await self.spent.is_revoked(one) for one in lineage])

    def _is_current(self, token: str, found: Permission | None) -> bool:
        family, now = None if found is None else found.family, self.clock()
        if family is None or refresh.is_idle(family, now=now):
            return False
        return refresh.judge(token, family, now=now) == "good"

    async def end(self, known: Known) -> bool:
        """Revoke it: an access token by itself, a refresh token with all that came of it. RFC 7009 §2.1."""
        if known.kind == "refresh_token" and known.permission is not None:
            await self.permissions.revoke(known.permission.subject, known.permission.id)
            return True
        left = int(float(str(known.claims["exp"])) + _LEEWAY - self.clock())
        if left > 0:
            await self.spent.revoke(known.jti, left)
        return left > 0


def _told(found: Permission) -> Mapping[str, object]:
    return {
        "sub": found.subject,
        "aud": found.resource,
        "client_id": found.client_id,
        "scope": " ".join(found.scopes),
        "iat": found.created,
        "exp": found.expires,
    }
