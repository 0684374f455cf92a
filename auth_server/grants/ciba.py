"""urn:openid:params:grant-type:ciba: what a person allowed a client that asked them becomes a token, once. CIBA §10."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Literal, NoReturn

from auth_server.asked import Asked
from auth_server.ciba_errors import AuthorizationPending, Declined, ExpiredToken, SlowDown
from auth_server.errors import InvalidGrant, InvalidTarget, about
from auth_server.form import Form
from auth_server.hashing import digest, fresh_secret
from auth_server.models import Client, Grant, Identity, Resource
from auth_server.people import Listed, Permission, Session, SignedIn
from auth_server.rules import openid_ciba as rules
from auth_server.rules import rfc8707_resource as resource
from auth_server.rules.oauth21_refresh_token import permission_of as id_of
from auth_server.rules.rfc8693_token_exchange import reach_of
from auth_server.store.asked_contract import AskedOf
from auth_server.store.contract import Permissions


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Who allows what was asked: these scopes of it, for one token or for an hour."""

    asked: Asked
    client: Client
    session: Session
    scopes: tuple[str, ...]
    lasts: Literal["once", "hour"]


def permitted(approval: Approval, identity: Identity, *, now: int) -> tuple[Permission, Listed]:
    """The permission of an approval, and its line in the person's list.

    For one token, it lasts as long as that can: until the client comes at the latest, and the token's life.
    """
    asked, session, client = approval.asked, approval.session, approval.client
    name, target = secrets.token_hex(16), identity.resources[asked.resource]
    expires = now + rules.HOUR if approval.lasts == "hour" else asked.expires + target.token_lifetime
    reach = reach_of(target.uri, approval.scopes, identity)
    permission = Permission(
        id=name,
        subject=session.subject,
        name=session.name,
        client_id=client.client_id,
        resource=target.uri,
        scopes=approval.scopes,
        asked=asked.scopes,
        created=now,
        expires=expires,
        auth_time=session.auth_time,
        reach=reach,
    )
    listed = Listed(
        id=name,
        client_id=client.client_id,
        client_name=client.client_name or client.client_id,
        resource=target.uri,
        scopes=approval.scopes,
        created=now,
        expires=expires,
        asked=approval.lasts,
        reach=reach,
    )
    return permission, listed


class Ciba:
    """Redeems authentication requests. CIBA §10.1, §11."""

    def __init__(
        self,
        asked: AskedOf,
        permissions: Permissions,
        may_go_on: Callable[[str, str], Awaitable[bool]],
        identity: Callable[[], Identity],
        clock: Callable[[], float],
    ) -> None:
        self._asked = asked
        self._permissions = permissions
        self._may_go_on = may_go_on
        self._identity = identity
        self._clock = clock

    async def __call__(self, form: Form, client: Client) -> Grant:
        """Say what was decided, and let the client have it once.

        Raises UnauthorizedClient, InvalidRequest, InvalidGrant, InvalidTarget, and what CIBA §11 adds.
        """
        rules.check_client(client)
        found = await self._find(form.required("auth_req_id"), client)
        with about(resource=found.resource, subject=found.subject, asked=" ".join(found.scopes)):
            target = self._target(form, found, client)
            if not await self._may_go_on(found.name, found.subject):
                raise Declined("the person is no longer let in", detail=found.id)
            spent = await self._spend(found)
            return self._granted(await self._use(spent), spent, target)

    async def _find(self, auth_req_id: str, client: Client) -> Asked:
        name = id_of(auth_req_id)
        found = None if name is None else await self._asked.find(name)
        if found is None or not compare_digest(found.secret_hash, digest(auth_req_id)):
            raise InvalidGrant("auth_req_id is unknown or expired")
        if found.client_id != client.client_id:
            raise InvalidGrant("auth_req_id was issued to another client", detail=found.id)
        return found

    def _target(self, form: Form, found: Asked, client: Client) -> Resource:
        """The resource that was asked for, as long as the client may ask for so much there. RFC 8707 §2.2."""
        identity = self._identity()
        named = resource.requested(form.all("resource"), form.one("audience"), known=identity.resources)
        if named not in (None, found.resource) or found.resource not in identity.resources:
            raise InvalidTarget("the resource was not granted")
        target = rules.choose_target(found.resource, client, identity)
        rules.to_ask(found.granted or found.scopes, client, target, identity)
        return target

    async def _spend(self, found: Asked) -> Asked:
        """The one write that decides: it is pending, or it is this attempt's."""
        now, attempt = self._clock(), fresh_secret()
        verdicts: list[rules.Verdict] = []

        def apply(latest: Asked) -> Asked:
            # A write whose answer was lost is seen as somebody's: the attempt's own name tells whose.
            if latest.spent == attempt:
                return latest
            verdicts[:] = [rules.judge(latest, now=now)]
            if verdicts[0] in ("pending", "slow_down"):
                return rules.polled(latest, verdicts[0], now=now)
            return replace(latest, spent=attempt) if verdicts[0] == "good" else latest

        written = await self._asked.change(found.id, apply)
        if written is None or not verdicts:
            raise InvalidGrant("auth_req_id is unknown or expired")
        if verdicts[0] != "good":
            _refuse(verdicts[0])
        return written

    async def _use(self, spent: Asked) -> Permission:
        """Mark the permission as used: whoever took it back before this is heard."""
        now = int(self._clock())

        def use(latest: Permission) -> Permission:
            return latest if latest.revoked else replace(latest, used=now)

        permission = await self._permissions.change(spent.permission, use)
        if permission is None or permission.expires <= now:
            raise ExpiredToken("what the person allowed is over: ask again", detail=spent.permission)
        if permission.revoked:
            raise Declined("the person took it back", detail=spent.permission)
        return permission

    def _granted(self, permission: Permission, spent: Asked, target: Resource) -> Grant:
        signed_in = SignedIn(subject=permission.subject, auth_time=permission.auth_time)
        return Grant(
            client_id=spent.client_id,
            subject=permission.subject,
            resource=target,
            scopes=spent.granted,
            permission=permission.id,
            expires=permission.expires,
            signed_in=signed_in if rules.OPENID in spent.granted else None,
        )


def _refuse(verdict: rules.Verdict) -> NoReturn:
    if verdict == "pending":
        raise AuthorizationPending("nobody has decided yet")
    if verdict == "slow_down":
        raise SlowDown(f"you came too soon: wait {rules.INTERVAL} seconds longer from now on")
    if verdict == "declined":
        raise Declined("the person said no")
    if verdict == "expired":
        raise ExpiredToken("auth_req_id has expired: ask again")
    raise InvalidGrant("auth_req_id was used before", detail="replayed")
