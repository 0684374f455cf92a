"""A person's tokens: signed in once in a browser, refreshed after that, kept between processes."""

import time
from collections.abc import Callable, Collection
from functools import partial

import httpx2

from oauth_client.browser import Browser, authorize
from oauth_client.closing import Closing
from oauth_client.credentials import Credentials
from oauth_client.discovery import find_challenge
from oauth_client.errors import LoginRequired, OAuthClientError, TokenRefused
from oauth_client.flights import Flights
from oauth_client.grant import redeem
from oauth_client.models import Target, Token
from oauth_client.policy import Policy
from oauth_client.registration import Registrar
from oauth_client.rules.cimd_client_document import check_document_url
from oauth_client.rules.mcp_scope_selection import select, union
from oauth_client.rules.rfc6749_token import CODE, refresh_form
from oauth_client.rules.rfc8707_resource import check_resource
from oauth_client.sessions import Session, Sessions, begun, name_of, renewed
from oauth_client.targets import Targets
from oauth_client.vault import Vault

_OK = 200
_ENDED = ("invalid_grant", "invalid_client", "unauthorized_client")


class PersonTokens(Closing):
    """Gets and keeps the tokens of one person, at any number of resources and issuers.

    `vault` keeps them. `browser` is how to ask the person; without one, LoginRequired is raised where they would be
    asked. `client` was registered beforehand, at `issuer` and no other; `document` is the URL of a client metadata
    document. `wall` is the time of day, in seconds since 1970. Lives in one event loop.
    """

    def __init__(  # noqa: PLR0913  every one is a choice of the program's, with a default
        self,
        *,
        vault: Vault,
        browser: Browser | None = None,
        client: Credentials | None = None,
        issuer: str | None = None,
        document: str = "",
        name: str = "daca",
        http: httpx2.AsyncClient | None = None,
        policy: Policy | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.policy = policy or Policy()
        if document:
            check_document_url(document, loopback=self.policy.allow_loopback is True)
        self._vault = vault
        self._browser = browser
        self._binds = client is not None and client.client_id != document
        self._wall = wall
        self._sessions = Sessions(vault)
        self._registrar = Registrar(vault, given=client, document=document, name=name)
        self._targets = Targets(http, self.policy, issuer, CODE)
        self._flights: Flights[tuple[str, str, frozenset[str]], Token] = Flights(self.policy.clock, 0.0)
        self._refused: set[str] = set()

    async def find(self, resource: str, challenged: str | None = None, *, stale: Target | None = None) -> Target:
        """Where tokens for this resource come from; discovered anew when only `stale` is known."""
        return await self._targets.find(check_resource(resource), challenged, stale=stale)

    async def get(self, target: Target, scopes: frozenset[str]) -> Token:
        """The token there is, or its successor; else the person is asked. Raises LoginRequired, OAuthClientError."""
        session = await self._usable(target, scopes)
        return self._token(session) if session else await self._ask(target, scopes, "there is no sign-in yet")

    async def more(self, target: Target, scopes: frozenset[str], than: Token) -> Token:
        """Ask the person for all of these scopes at once. MCP, Step-Up Authorization Flow."""
        session = await self._usable(target, scopes)
        if session is not None and session.scopes > than.scopes:
            return self._token(session)
        return await self._ask(target, scopes, f"scope {' '.join(sorted(scopes))} is needed")

    def forget(self, token: Token) -> None:
        """Never hand out this access token again: its resource has refused it."""
        self._refused.add(token.access_token)

    async def login(self, resource: str, scopes: Collection[str] = ()) -> Token:
        """Ask the person, from the resource's own refusal on, for these scopes and those that they gave before."""
        challenge = await find_challenge(self._targets.wire(check_resource(resource)), resource)
        target = await self.find(resource, challenge.resource_metadata)
        supported = target.metadata.scopes_supported
        wanted = select(challenged=scopes, configured=challenge.scopes, supported=supported, ceiling=None)
        before = await self._sessions.find(target.server.issuer, target.metadata.resource)
        return await self._ask(target, union(wanted, before.scopes if before else ()), "")

    async def logout(self, resource: str) -> bool | None:
        """Revoke and forget: True when the server knows, False when only this side does, None without a sign-in."""
        target = await self.find(resource)
        issuer, identifier = target.server.issuer, target.metadata.resource
        async with self._vault.hold(name_of(issuer, identifier)):
            session = await self._sessions.find(issuer, identifier)
            await self._sessions.forget(issuer, identifier)
        return None if session is None else await self._revoke(target, session)

    async def aclose(self) -> None:
        """Give up what is under way and close what this object opened."""
        await self._flights.aclose()
        await self._targets.aclose()

    async def _usable(self, target: Target, scopes: frozenset[str]) -> Session | None:
        """The sign-in that covers these scopes, refreshed by one process alone when its token is over."""
        issuer, resource = target.server.issuer, target.metadata.resource
        session = await self._sessions.find(issuer, resource)
        if session is not None and not self._good(session):
            async with self._vault.hold(name_of(issuer, resource)):
                session = await self._sessions.find(issuer, resource)
                if session is not None and not self._good(session):
                    session = await self._refresh(target, session)
        covered = session is not None and scopes <= union(session.scopes, session.asked)
        return session if covered else None

    def _good(self, session: Session) -> bool:
        return session.access_token not in self._refused and self._wall() < session.expires_at - self.policy.margin

    async def _refresh(self, target: Target, session: Session) -> Session | None:
        """The same sign-in with new tokens, written down before anybody may use them; None when it is over."""
        if not session.refresh_token:
            return None
        client = await self._registrar.client_of(target.server, session.client_id)
        form = refresh_form(session.resource, session.refresh_token)
        try:
            answer = await redeem(self._targets.wire(session.resource), target.server, client, form, session.scopes)
        except TokenRefused as refused:
            if refused.error not in _ENDED:
                raise
            await self._sessions.forget(session.issuer, session.resource)
            if refused.error == "invalid_client":
                await self._registrar.forget(target.server, session.client_id)
            return None
        fresh = renewed(session, answer, self._wall(), self.policy.default_lifetime)
        await self._sessions.keep(fresh)
        return fresh

    async def _ask(self, target: Target, scopes: frozenset[str], why: str) -> Token:
        if self._browser is None:
            raise LoginRequired(target.metadata.resource, why)
        key = (target.server.issuer, target.metadata.resource, scopes)
        return await self._flights.join(key, partial(self._authorize, target, scopes, self._browser))

    async def _authorize(self, target: Target, scopes: frozenset[str], browser: Browser) -> Token:
        if self._binds:
            self._targets.bind(target)
        wire = self._targets.wire(target.metadata.resource)
        made = await authorize(wire, target, self._registrar, scopes, browser)
        session = begun(target, made, self._wall(), self.policy.default_lifetime)
        async with self._vault.hold(name_of(session.issuer, session.resource)):
            await self._sessions.keep(session)
        return self._token(session)

    async def _revoke(self, target: Target, session: Session) -> bool:
        """RFC 7009 §2.1: the refresh token, with which the server ends all of it."""
        if not target.server.revocation_endpoint:
            return False
        client = await self._registrar.client_of(target.server, session.client_id)
        try:
            proof = await client.prove(target.server)
            form = {"token": session.refresh_token or session.access_token, **proof.form}
            wire = self._targets.wire(session.resource)
            answer = await wire.post(target.server.revocation_endpoint, form, proof.headers)
        except OAuthClientError:
            return False
        return answer.status == _OK

    def _token(self, session: Session) -> Token:
        """In seconds of the clock that the rest of this library counts by."""
        shift = self.policy.clock() - self._wall()
        return Token(
            access_token=session.access_token,
            obtained_at=session.obtained_at + shift,
            expires_at=session.expires_at + shift,
            scopes=session.scopes,
            issuer=session.issuer,
            resource=session.resource,
            client_id=session.client_id,
        )
