"""token-exchange: an agent goes on in the name of whoever called it. RFC 8693."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from auth_server.errors import InvalidRequest, InvalidScope, UnauthorizedClient, about
from auth_server.form import Form
from auth_server.models import Claims, Client, Grant, Identity, Resource
from auth_server.people import Permission
from auth_server.rules import rfc6749_scope as scope
from auth_server.rules import rfc8693_token_exchange as rules
from auth_server.rules import rfc8707_resource as resource
from auth_server.rules.rfc9068_access_token import claims_of, client_of

_JTI = "x" * 24


class Subject(Protocol):
    """A token of ours, as somebody presented it."""

    @property
    def claims(self) -> Claims:
        """Its claims; the signature is proven."""
        ...

    @property
    def kind(self) -> str:
        """`access_token` for one."""
        ...

    @property
    def permission(self) -> Permission | None:
        """What a person allowed, where it came of that."""
        ...


class TokenExchange:
    """Exchanges access tokens of this server. Nothing is spent: the same one serves a request's every hop and retry.

    `find` knows our tokens, `stands` whether a client, and whether the person of a permission, are still let in.
    """

    def __init__(
        self,
        find: Callable[[str], Awaitable[Subject | None]],
        stands: Callable[[str, Permission | None], Awaitable[bool]],
        identity: Callable[[], Identity],
        issuer: str,
    ) -> None:
        self._find = find
        self._stands = stands
        self._identity = identity
        self._issuer = issuer

    async def __call__(self, form: Form, client: Client) -> Grant:
        """Prove the subject, and say how far this client may go in its name.

        Raises UnauthorizedClient, InvalidRequest, InvalidTarget, InvalidScope; §2.2.2 has which is for what.
        """
        if not client.delegation or client.auth_method == "none":
            raise UnauthorizedClient("this client may not act for others: identity.yaml gives it no delegation")
        token = form.required("subject_token")
        actor = form.one("actor_token") is not None or form.one("actor_token_type") is not None
        kind = rules.check_types(form.required("subject_token_type"), form.one("requested_token_type"), actor=actor)
        subject = await self._subject(token)
        with about(**_noted(subject.claims, form)):
            rules.check_addressed(subject.claims, client)
            rules.check_may_act(subject.claims, client, self._issuer)
            await self._check_stands(subject)
            grant = self._granted(form, client, subject, kind)
            rules.check_size(claims_of(grant, issuer=self._issuer, now=2**31, jti=f"{grant.parent}.{_JTI}"))
        return grant

    async def _subject(self, token: str) -> Subject:
        found = await self._find(token)
        if found is None or found.kind != "access_token":
            raise InvalidRequest(
                "subject_token is no access token of this server that still counts: get a new one from the caller"
            )
        return found

    async def _check_stands(self, subject: Subject) -> None:
        """Everybody in the chain must still be let in: the subject, and who acted before."""
        chain = (str(subject.claims["sub"]), *rules.actors(subject.claims.get("act")))
        named = {str(subject.claims["client_id"]), *filter(None, map(client_of, chain))}
        for client_id in sorted(named):
            if not await self._stands(client_id, subject.permission):
                raise InvalidRequest("somebody in the chain of subject_token is no longer let in", detail=client_id)

    def _granted(self, form: Form, client: Client, subject: Subject, kind: str) -> Grant:
        identity, claims = self._identity(), subject.claims
        asked = resource.requested(form.all("resource"), form.one("audience"), known=identity.resources)
        target = rules.choose_target(asked, claims, client, identity)
        with about(resource=target.uri):
            within = rules.permitted(claims, client, target, identity.implies)
            if subject.permission is not None:
                within &= _told(subject.permission, target)
            scopes = rules.narrow(scope.split(form.one("scope")), within=within, target=target)
            return Grant(
                client_id=client.client_id,
                subject=str(claims["sub"]),
                resource=target,
                scopes=scopes,
                act=rules.act_of(claims, client, most=identity.delegation_depth),
                parent=str(claims["jti"]),
                expires=int(str(claims["exp"])),
                issued_type=kind,
            )


def _told(permission: Permission, target: Resource) -> frozenset[str]:
    """What the person was told that agents may do there; a wider identity.yaml does not widen what they allowed."""
    told = frozenset(permission.reach.get(target.uri, ()))
    if not told:
        raise InvalidScope("the person was not asked about this resource: let them allow the client again")
    return told


def _noted(claims: Claims, form: Form) -> dict[str, str]:
    chain = " ".join(rules.actors(claims.get("act")))
    noted = {"subject": str(claims["sub"]), "actors": chain, "asked": form.one("scope") or "", "parent": claims["jti"]}
    return {name: str(value) for name, value in noted.items() if value}
