"""Tokens in the name of whoever calls: the caller's token is exchanged for one of the next resource. RFC 8693."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

import httpx2

from oauth_client.closing import Closing
from oauth_client.credentials import Credentials
from oauth_client.errors import SubjectEnded
from oauth_client.grant import redeem
from oauth_client.models import Target, Token
from oauth_client.policy import Policy
from oauth_client.rules.mcp_scope_selection import select
from oauth_client.rules.rfc8693_token_exchange import GRANT, exchange_form, read_exchanged
from oauth_client.rules.rfc8707_resource import check_resource
from oauth_client.shelf import Shelf, token_of
from oauth_client.targets import Targets

Key = tuple[str, str, str, str, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The token that a request came with, and when it ends in seconds of the clock; None when that is not known."""

    access_token: str = field(repr=False)
    ends: float | None = None

    @property
    def name(self) -> str:
        """What it is kept by: a hash, so that nothing here holds it longer than it must."""
        return sha256(self.access_token.encode()).hexdigest()


class Exchanges(Closing):
    """Gets and keeps tokens that one client, an agent, has in its callers' names; none of its own are among them.

    The arguments are those of `Tokens`. `of` gives what authorizes requests for one caller.
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
        self.credentials = credentials
        self.targets = Targets(http, self.policy, issuer, GRANT)
        self.shelf: Shelf[Key] = Shelf(self.policy)

    def of(self, access_token: str, *, expires_in: float | None = None) -> "Delegated":
        """What authorizes requests in the name of whoever sent this token, which has `expires_in` seconds left."""
        ends = None if expires_in is None else self.policy.clock() + expires_in
        return Delegated(self, Subject(access_token=access_token, ends=ends))

    async def aclose(self) -> None:
        """Give up what is under way, and close what this object opened."""
        await self.shelf.aclose()
        await self.targets.aclose()


class Delegated:
    """A `TokenSource` for one caller: `TokenAuth(exchanges.of(token), resource=…)`. Cheap: make one for each request.

    The kept tokens are those of `Exchanges`: by issuer, client, caller's token, resource and scopes.
    """

    def __init__(self, exchanges: Exchanges, subject: Subject) -> None:
        self.policy = exchanges.policy
        self._exchanges = exchanges
        self._subject = subject

    async def fetch(self, resource: str, scopes: Collection[str] = ()) -> Token:
        """A token for this resource in the caller's name; without scopes, for all that the resource says it has.

        Raises SubjectEnded, TokenRefused and every other OAuthClientError.
        """
        target = await self.find(resource)
        supported = target.metadata.scopes_supported
        return await self.get(target, select(challenged=(), configured=scopes, supported=supported, ceiling=None))

    async def find(self, resource: str, challenged: str | None = None, *, stale: Target | None = None) -> Target:
        """Where tokens for this resource come from."""
        return await self._exchanges.targets.find(check_resource(resource), challenged, stale=stale)

    async def get(self, target: Target, scopes: frozenset[str]) -> Token:
        """The token of these scopes: kept, or by one shared exchange. Raises SubjectEnded."""
        if self._subject.ends is not None and self.policy.clock() >= self._subject.ends:
            raise SubjectEnded(target.metadata.resource)
        client_id = self._exchanges.credentials.client_id
        key = (target.server.issuer, client_id, self._subject.name, target.metadata.resource, scopes)
        return await self._exchanges.shelf.get(key, partial(self._obtain, target, scopes))

    async def more(self, target: Target, scopes: frozenset[str], than: Token) -> Token:
        """The token of these scopes: the caller's own decide whether there is more."""
        del than
        return await self.get(target, scopes)

    def forget(self, token: Token) -> None:
        """Never hand out this token again."""
        self._exchanges.shelf.forget(token)

    async def _obtain(self, target: Target, scopes: frozenset[str]) -> Token:
        targets, credentials = self._exchanges.targets, self._exchanges.credentials
        targets.bind(target)
        resource = target.metadata.resource
        form = exchange_form(self._subject.access_token, resource, scopes)
        answer = await redeem(targets.wire(resource), target.server, credentials, form, scopes, read=read_exchanged)
        return token_of(answer, target, credentials.client_id, self.policy, ends=self._subject.ends)
