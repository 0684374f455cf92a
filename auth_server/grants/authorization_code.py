"""authorization_code: what a person allowed becomes a code, and the code becomes tokens, once. RFC 6749 §4.1."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hmac import compare_digest

from auth_server.errors import InvalidGrant, InvalidTarget, UnauthorizedClient, about
from auth_server.form import Form
from auth_server.hashing import digest, fresh_secret
from auth_server.models import AUTHORIZATION_CODE, Client, Grant, Identity, Reach
from auth_server.people import Code, Interaction, Listed, Permission, Session, SignedIn
from auth_server.rules import oauth21_refresh_token as refresh
from auth_server.rules import rfc8707_resource as resource
from auth_server.rules.oauth21_consent import may_refresh, may_remember
from auth_server.rules.rfc7636_pkce import check_verifier
from auth_server.store.contract import Permissions

LIFETIME = 60
_UNREDEEMED = 600
_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Who allowed which client what, by which request, and what they were told that agents may do by it elsewhere."""

    interaction: Interaction
    client: Client
    session: Session
    scopes: tuple[str, ...]
    reach: Reach = field(default_factory=dict[str, tuple[str, ...]])


def permitted(decision: Decision, *, now: int) -> tuple[str, Permission, Listed]:
    """The code, the permission it stands for, and its line in the person's list. §4.1.2.

    The code is of 256 random bits; with its permission's id in front, spending it is one write of one record.
    """
    interaction, session, client = decision.interaction, decision.session, decision.client
    name = secrets.token_hex(16)
    code = f"{name}.{fresh_secret()}"
    remembered = may_remember(client, interaction.redirect_uri)
    lasts = refresh.ABSOLUTE if remembered or _refreshes(decision) else _UNREDEEMED
    permission = Permission(
        id=name,
        subject=session.subject,
        name=session.name,
        client_id=client.client_id,
        resource=interaction.resource,
        scopes=decision.scopes,
        asked=interaction.scopes,
        created=now,
        expires=now + _UNREDEEMED,
        auth_time=session.auth_time,
        code=_code(code, interaction, now),
        reach=decision.reach,
    )
    listed = Listed(
        id=name,
        client_id=client.client_id,
        client_name=client.client_name or client.client_id,
        resource=interaction.resource,
        scopes=decision.scopes,
        created=now,
        expires=now + lasts,
        remembered=remembered,
        reach=decision.reach,
    )
    return code, permission, listed


def _code(code: str, interaction: Interaction, now: int) -> Code:
    return Code(
        code_hash=digest(code),
        redirect_uri=interaction.redirect_uri,
        challenge=interaction.code_challenge,
        expires=now + LIFETIME,
        nonce=interaction.nonce,
    )


def _refreshes(decision: Decision) -> bool:
    return may_refresh(decision.client, decision.interaction.scopes, decision.scopes)


class AuthorizationCode:
    """Redeems codes. §4.1.3, OAuth 2.1 §4.1.3."""

    def __init__(self, permissions: Permissions, identity: Callable[[], Identity], clock: Callable[[], float]) -> None:
        self._permissions = permissions
        self._identity = identity
        self._clock = clock

    async def __call__(self, form: Form, client: Client) -> Grant:
        """Prove the code, spend it, and say what it entitles the client to.

        Raises UnauthorizedClient, InvalidRequest, InvalidGrant, InvalidTarget.
        """
        if AUTHORIZATION_CODE not in client.grant_types:
            raise UnauthorizedClient("this client is not registered for authorization_code")
        code, verifier = form.required("code"), form.required("code_verifier")
        found, issued = await self._find(code, client)
        with about(resource=found.resource, permission=found.id):
            _check_bound(form, issued, verifier)
            target = self._target(form, found)
            if issued.spent:
                await self._replayed(found)
            return await self._spent(found, client, target)

    async def _find(self, code: str, client: Client) -> tuple[Permission, Code]:
        name = refresh.permission_of(code)
        found = None if name is None else await self._permissions.find(name)
        if found is None or found.code is None or not compare_digest(found.code.code_hash, digest(code)):
            raise InvalidGrant("the code is unknown or expired")
        if found.client_id != client.client_id:
            raise InvalidGrant("the code was issued to another client", detail=found.id)
        return found, found.code

    def _target(self, form: Form, found: Permission) -> str:
        """The resource of the request must be the one that was allowed. RFC 8707 §2.2."""
        known = self._identity().resources
        asked = resource.requested(form.all("resource"), form.one("audience"), known=known)
        if asked not in (None, found.resource) or found.resource not in known:
            raise InvalidTarget("the resource was not granted")
        return found.resource

    async def _spent(self, found: Permission, client: Client, target: str) -> Grant:
        """Marked as spent and given its refresh tokens in one write: no replica can die in between. §4.1.2."""
        now, attempt = int(self._clock()), fresh_secret()
        token, family = refresh.first(found.id, secrets.token_bytes(_BYTES), key=secrets.token_hex(_BYTES), now=now)
        resource = self._identity().resources[target]
        refreshes = may_refresh(client, found.asked, found.scopes)
        lasts = refresh.ABSOLUTE if refreshes else resource.token_lifetime + _UNREDEEMED

        def spend(latest: Permission) -> Permission:
            if latest.code is None or latest.code.spent or latest.revoked or latest.code.expires <= now:
                return latest
            code = replace(latest.code, spent=attempt)
            return replace(latest, code=code, family=family if refreshes else None, expires=now + lasts)

        written = await self._permissions.change(found.id, spend)
        if written is None or written.code is None or written.revoked or not written.code.spent:
            raise InvalidGrant("the code is unknown or expired")
        # A write whose answer was lost is seen as somebody's: the attempt's own name tells whose.
        if written.code.spent != attempt:
            await self._replayed(written)
        return Grant(
            client_id=client.client_id,
            subject=written.subject,
            resource=resource,
            scopes=written.scopes,
            permission=written.id,
            refresh_token=token if refreshes else None,
            signed_in=_signed_in(written),
        )

    async def _replayed(self, found: Permission) -> None:
        """Two had the code: nothing that was issued for it counts any more. OAuth 2.1 §4.1.3."""
        await self._permissions.revoke(found.subject, found.id)
        raise InvalidGrant("the code was used before", detail="replayed")


def _signed_in(permission: Permission) -> SignedIn | None:
    if "openid" not in permission.scopes:
        return None
    nonce, when = permission.code.nonce if permission.code else None, permission.auth_time
    return SignedIn(subject=permission.subject, auth_time=when, nonce=nonce)


def _check_bound(form: Form, code: Code, verifier: str) -> None:
    """Accept the code's own redirect URI, if one is named, and its verifier. OAuth 2.1 §4.1.3, §10.2."""
    if form.one("redirect_uri") not in (None, code.redirect_uri):
        raise InvalidGrant("redirect_uri is not the one of the authorization request")
    check_verifier(verifier, code.challenge)
