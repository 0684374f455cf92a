"""refresh_token: a client goes on in a person's name. RFC 6749 §6, OAuth 2.1 §4.3."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from auth_server.errors import InvalidGrant, InvalidTarget, UnauthorizedClient, about
from auth_server.form import Form
from auth_server.models import REFRESH_TOKEN, Client, Grant, Identity, Resource
from auth_server.people import Family, Permission
from auth_server.rules import oauth21_refresh_token as rules
from auth_server.rules import rfc6749_scope as scope
from auth_server.rules import rfc8707_resource as resource
from auth_server.rules.openid_id_token import PERSONAL
from auth_server.store.contract import Permissions


class RefreshToken:
    """Redeems refresh tokens; each use makes the next one. §4.3.1."""

    def __init__(
        self,
        permissions: Permissions,
        may_go_on: Callable[[str, str], Awaitable[bool]],
        identity: Callable[[], Identity],
        clock: Callable[[], float],
        *,
        userinfo: str = "",
    ) -> None:
        self._permissions = permissions
        self._may_go_on = may_go_on
        self._identity = identity
        self._clock = clock
        self._userinfo = Resource(name="userinfo", uri=userinfo, scopes={})

    async def __call__(self, form: Form, client: Client) -> Grant:
        """Prove the token, rotate it, and say what it entitles the client to.

        Raises UnauthorizedClient, InvalidRequest, InvalidGrant, InvalidTarget, InvalidScope.
        """
        if REFRESH_TOKEN not in client.grant_types:
            raise UnauthorizedClient("this client is not registered for refresh_token")
        token = form.required("refresh_token")
        found, family = await self._find(token, client)
        with about(resource=found.resource, permission=found.id):
            known = self._identity()
            target, granted = self._target(form, found)
            # Whatever is wrong with the request is told before the token is used up.
            scopes = rules.narrow(scope.split(form.one("scope")), granted, known.implies)
            await self._rotate(token, found)
        return Grant(
            client_id=client.client_id,
            subject=found.subject,
            resource=target,
            scopes=scopes,
            permission=found.id,
            refresh_token=rules.successor(token, family),
        )

    def _target(self, form: Form, found: Permission) -> tuple[Resource, tuple[str, ...]]:
        """The resource that was allowed, or our own userinfo, and what was allowed there. RFC 8707 §2.2.

        A token for a resource tells nobody who the person is: that takes one that no resource ever sees.
        """
        known, own = self._identity().resources, self._userinfo
        asked = resource.requested(form.all("resource"), form.one("audience"), known={*known, own.uri} - {""})
        told = tuple(name for name in found.scopes if name in PERSONAL)
        if own.uri and asked == own.uri and told:
            return own, told
        if asked not in (None, found.resource) or found.resource not in known:
            raise InvalidTarget("the resource was not granted")
        return known[found.resource], found.scopes

    async def _find(self, token: str, client: Client) -> tuple[Permission, Family]:
        name = rules.permission_of(token)
        found = None if name is None else await self._permissions.find(name)
        if found is None or found.family is None:
            raise InvalidGrant("the refresh token is unknown or expired")
        if found.client_id != client.client_id:
            raise InvalidGrant("the refresh token was issued to another client", detail=found.id)
        if found.revoked:
            raise InvalidGrant("the refresh token is revoked", detail=found.id)
        if not await self._may_go_on(found.name, found.subject):
            raise InvalidGrant("the person is no longer let in", detail=found.id)
        return found, found.family

    async def _rotate(self, token: str, found: Permission) -> None:
        """The one write that makes the next token the one that counts; a retry finds it made."""
        now = int(self._clock())
        verdicts: list[rules.Verdict] = []

        def apply(latest: Permission) -> Permission:
            if latest.revoked or latest.family is None or rules.is_idle(latest.family, now=now):
                verdicts.append("unknown")
                return latest
            verdicts.append(rules.judge(token, latest.family, now=now))
            if verdicts[-1] != "good":
                return latest
            return replace(latest, family=rules.rotate(token, latest.family, now=now))

        await self._permissions.change(found.id, apply)
        if verdicts and verdicts[-1] == "retired":
            # Whichever of the two is the thief: neither goes on.
            await self._permissions.revoke(found.subject, found.id)
            raise InvalidGrant("the refresh token was used before", detail="reuse")
        if not verdicts or verdicts[-1] == "unknown":
            raise InvalidGrant("the refresh token is unknown or expired")
