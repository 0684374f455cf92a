"""jwt-bearer with an ID-JAG: an enterprise's identity provider lets a person's client in. RFC 7523 §2.1."""

from collections.abc import Callable
from typing import Protocol

from auth_server.errors import InvalidGrant, UnauthorizedClient, about
from auth_server.form import Form
from auth_server.models import JWT_BEARER, Claims, Client, Grant, Identity, TrustedIssuer
from auth_server.rules import idjag_assertion as rules
from auth_server.rules import rfc6749_scope as scope
from auth_server.rules import rfc8707_resource as resource
from auth_server.store.contract import Spent


class Assertion(Protocol):
    """A JWT of somebody else's, taken apart; nothing in it is proven yet."""

    @property
    def header(self) -> Claims:
        """Its header."""
        ...

    @property
    def claims(self) -> Claims:
        """Its claims."""
        ...


class Assertions(Protocol):
    """Takes assertions apart, proves them, and knows what tokens call the people that they name."""

    def parse(self, compact: str) -> Assertion | None:
        """Take it apart; None for what is no JWT."""
        ...

    async def is_signed(self, compact: str, trusted: TrustedIssuer, alg: str) -> bool:
        """Whether its issuer signed it, with this algorithm. Raises TemporarilyUnavailable."""
        ...

    async def subject(self, issuer: str, sub: str) -> str | None:
        """What tokens call a person of that issuer, for ever the same; None for whom we do not let in."""
        ...


class JwtBearer:
    """Redeems ID-JAGs, each once, on all replicas together."""

    def __init__(
        self,
        assertions: Assertions,
        spent: Spent,
        identity: Callable[[], Identity],
        issuer: str,
        clock: Callable[[], float],
    ) -> None:
        self._assertions = assertions
        self._spent = spent
        self._identity = identity
        self._issuer = issuer
        self._clock = clock

    async def __call__(self, form: Form, client: Client) -> Grant:
        """Prove the assertion, use it up, and say what it entitles the client to; never a refresh token. §4.4.3.

        Raises UnauthorizedClient, InvalidRequest, InvalidGrant, InvalidTarget, InvalidScope.
        """
        if JWT_BEARER not in client.grant_types or client.auth_method == "none":
            raise UnauthorizedClient(f"this client is not registered for {JWT_BEARER}, or proves itself by nothing")
        compact = form.required("assertion")
        assertion = self._assertions.parse(compact)
        if assertion is None:
            raise InvalidGrant("the assertion is not a JWT")
        identity, claims = self._identity(), assertion.claims
        trusted = rules.issuer_of(claims, identity.trusted_issuers, self._issuer)
        with about(issuer=trusted.issuer):
            alg = rules.check_header(assertion.header, trusted.algorithms)
            # The claims first: nobody makes this server fetch keys with an assertion that could not be good.
            expires = rules.check_claims(claims, client, issuer=self._issuer, now=self._clock())
            if not await self._assertions.is_signed(compact, trusted, alg):
                raise InvalidGrant("the assertion's signature is not its issuer's")
            grant = await self._granted(form, client, claims, trusted)
            await self._use_up(claims, trusted, expires)
        return grant

    async def _granted(self, form: Form, client: Client, claims: Claims, trusted: TrustedIssuer) -> Grant:
        identity = self._identity()
        asked = resource.requested(form.all("resource"), form.one("audience"), known=identity.resources)
        target = rules.choose_target(claims, asked, trusted, identity)
        with about(resource=target.uri):
            within = rules.within(client, trusted, target, identity)
            scopes = rules.choose_scopes(claims, scope.split(form.one("scope")), target, within=within)
            subject = await self._assertions.subject(trusted.issuer, rules.named_in(claims, "sub"))
            if subject is None:
                raise InvalidGrant("the person whom the assertion names is not let in")
        return Grant(client_id=client.client_id, subject=subject, resource=target, scopes=scopes)

    async def _use_up(self, claims: Claims, trusted: TrustedIssuer, expires: int) -> None:
        """Last, so that a refusal uses nothing up. RFC 7523 §3 item 7."""
        name = f"id-jag {trusted.issuer} {rules.named_in(claims, 'jti')}"
        if not await self._spent.first_use(name, expires + rules.LEEWAY + 1 - int(self._clock())):
            raise InvalidGrant("the assertion was used before: get a new one", detail="replayed jti")
