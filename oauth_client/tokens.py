"""The tokens of one client: one flight per key, renewed early in the background, no lock over any request."""

import logging
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import httpx2

from oauth_client.closing import Closing
from oauth_client.credentials import Credentials
from oauth_client.flights import Flights
from oauth_client.grant import request_token
from oauth_client.models import Target, Token, TokenAnswer
from oauth_client.policy import Policy
from oauth_client.rules.mcp_scope_selection import select
from oauth_client.rules.rfc8707_resource import check_resource
from oauth_client.shelf import good_until, token_of
from oauth_client.targets import Targets

log = logging.getLogger("oauth_client")

Key = tuple[str, str, str, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class _Held:
    token: Token
    refresh_at: float
    good_until: float


class Tokens(Closing):
    """Gets and keeps access tokens for one client, at any number of resources.

    `http` makes the requests for metadata and tokens; without it a client of its own does, which also judges the
    addresses that names lead to. `issuer` pins the only authorization server that may see the credentials;
    unpinned, they belong to the first one they were used at. Lives in one event loop; close it, or use it as
    an async context manager.
    """

    def __init__(
        self,
        *,
        credentials: Credentials,
        http: httpx2.AsyncClient | None = None,
        issuer: str | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self._credentials = credentials
        self._targets = Targets(http, self.policy, issuer)
        self._held: OrderedDict[Key, _Held] = OrderedDict()
        self._flights: Flights[tuple[str, str, str, frozenset[str], str], Token] = Flights(
            self.policy.clock, self.policy.backoff
        )

    async def fetch(self, resource: str, scopes: Collection[str] = ()) -> Token:
        """A token for this resource, found from its own metadata, with no refusal needed first.

        Without scopes, those that the resource says it supports are asked for. Raises OAuthClientError.
        """
        target = await self.find(resource)
        supported = target.metadata.scopes_supported
        return await self.get(target, select(challenged=(), configured=scopes, supported=supported, ceiling=None))

    async def find(self, resource: str, challenged: str | None = None, *, stale: Target | None = None) -> Target:
        """Where tokens for this resource come from; discovered anew when only `stale` is known."""
        return await self._targets.find(check_resource(resource), challenged, stale=stale)

    def known(self, resource: str) -> Target | None:
        """Where tokens for this resource come from, if that is already known."""
        return self._targets.known(resource)

    async def get(self, target: Target, scopes: frozenset[str]) -> Token:
        """The token of this target and these scopes: at once while it is good, else by one shared request."""
        key = self._key(target, scopes)
        held = self._held.get(key)
        now = self.policy.clock()
        # An endpoint that moved is not kept from answering by the failure of the old one.
        flight = (*key, target.server.token_endpoint)
        if held is None or now >= held.good_until:
            return await self._flights.join(flight, partial(self._obtain, key, target))
        self._held.move_to_end(key)
        if now >= held.refresh_at and not self._flights.rests(flight):
            self._flights.start(flight, partial(self._obtain, key, target))
        return held.token

    async def more(self, target: Target, scopes: frozenset[str], than: Token) -> Token:
        """The token of these scopes: for a machine, more is only another request."""
        del than
        return await self.get(target, scopes)

    def forget(self, token: Token) -> None:
        """Never hand out this token again: its resource has refused it. A newer one stays."""
        for key in [key for key, held in self._held.items() if held.token is token]:
            del self._held[key]

    async def aclose(self) -> None:
        """Give up what is under way and close what this object opened."""
        await self._flights.aclose()
        await self._targets.aclose()

    def _key(self, target: Target, scopes: frozenset[str]) -> Key:
        return target.server.issuer, self._credentials.client_id, target.metadata.resource, scopes

    async def _obtain(self, key: Key, target: Target) -> Token:
        issuer, client_id, resource, scopes = key
        said = {"issuer": issuer, "client_id": client_id, "resource": resource, "scope": " ".join(sorted(scopes))}
        self._targets.bind(target)
        try:
            answer = await request_token(self._targets.wire(resource), target, self._credentials, scopes)
        except Exception as error:
            log.warning("no token: %s", error, extra=said)
            raise
        held = self._hold(key, target, answer)
        log.info("token obtained for %s from %s", resource, issuer, extra=said)
        return held.token

    def _hold(self, key: Key, target: Target, answer: TokenAnswer) -> _Held:
        token = token_of(answer, target, self._credentials.client_id, self.policy, ends=None)
        life = token.expires_at - token.obtained_at
        early = life * self.policy.uniform(self.policy.refresh_from, self.policy.refresh_until)
        held = _Held(token=token, refresh_at=token.obtained_at + early, good_until=good_until(token, self.policy))
        self._held[key] = held
        self._held.move_to_end(key)
        while len(self._held) > self.policy.capacity:
            self._held.popitem(last=False)
        return held
