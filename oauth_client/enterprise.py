"""Tokens by way of an enterprise's identity provider: ID token to ID-JAG there, ID-JAG to token at the resource's own.

Enterprise-managed authorization of MCP; Identity Assertion JWT Authorization Grant §4.
"""

from collections.abc import Awaitable, Callable, Collection
from functools import partial

import httpx2

from oauth_client.closing import Closing
from oauth_client.credentials import Credentials
from oauth_client.discovery import find_server
from oauth_client.errors import CredentialsUnusable
from oauth_client.grant import redeem
from oauth_client.models import ServerMetadata, Target, Token
from oauth_client.policy import Policy
from oauth_client.rules.idjag_assertion import JWT_BEARER, id_jag_form, read_id_jag, redeem_form
from oauth_client.rules.mcp_scope_selection import select
from oauth_client.rules.rfc8693_token_exchange import GRANT as EXCHANGE
from oauth_client.rules.rfc8707_resource import check_resource
from oauth_client.shelf import Shelf, token_of
from oauth_client.targets import Targets

Key = tuple[str, str, frozenset[str]]


class EnterpriseTokens(Closing):
    """A `TokenSource` for one person whom an enterprise's provider signed in.

    `provider` is its issuer, `at_provider` how the client proves itself there, `credentials` how at the resources'
    servers. `id_token` gives the person's ID token, issued to the client at the provider; it is asked for each ID-JAG.
    """

    def __init__(  # noqa: PLR0913  two parties, each with its own proof
        self,
        *,
        provider: str,
        at_provider: Credentials,
        credentials: Credentials,
        id_token: Callable[[], Awaitable[str]],
        http: httpx2.AsyncClient | None = None,
        issuer: str | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self._provider = provider
        self._at_provider = at_provider
        self._credentials = credentials
        self._id_token = id_token
        self._targets = Targets(http, self.policy, issuer, JWT_BEARER)
        self._shelf: Shelf[Key] = Shelf(self.policy)
        self._found: ServerMetadata | None = None

    async def fetch(self, resource: str, scopes: Collection[str] = ()) -> Token:
        """A token for this resource in the person's name. Raises OAuthClientError."""
        target = await self.find(resource)
        supported = target.metadata.scopes_supported
        return await self.get(target, select(challenged=(), configured=scopes, supported=supported, ceiling=None))

    async def find(self, resource: str, challenged: str | None = None, *, stale: Target | None = None) -> Target:
        """Where tokens for this resource come from."""
        return await self._targets.find(check_resource(resource), challenged, stale=stale)

    async def get(self, target: Target, scopes: frozenset[str]) -> Token:
        """The token of these scopes: kept, or by one shared pair of requests."""
        key = (target.server.issuer, target.metadata.resource, scopes)
        return await self._shelf.get(key, partial(self._obtain, target, scopes))

    async def more(self, target: Target, scopes: frozenset[str], than: Token) -> Token:
        """The token of these scopes: the provider decides whether there is more."""
        del than
        return await self.get(target, scopes)

    def forget(self, token: Token) -> None:
        """Never hand out this token again."""
        self._shelf.forget(token)

    async def aclose(self) -> None:
        """Give up what is under way, and close what this object opened."""
        await self._shelf.aclose()
        await self._targets.aclose()

    async def _obtain(self, target: Target, scopes: frozenset[str]) -> Token:
        self._targets.bind(target)
        assertion = await self._id_jag(target, scopes)
        wire = self._targets.wire(target.metadata.resource)
        answer = await redeem(wire, target.server, self._credentials, redeem_form(assertion), scopes)
        return token_of(answer, target, self._credentials.client_id, self.policy, ends=None)

    async def _id_jag(self, target: Target, scopes: frozenset[str]) -> str:
        wire = self._targets.wire(self._provider)
        if self._found is None:
            self._found = await find_server(wire, (self._provider,), self._provider, EXCHANGE)
        id_token = await self._id_token()
        if not id_token:
            raise CredentialsUnusable("there is no ID token of the person: sign in at the identity provider again")
        form = id_jag_form(id_token, audience=target.server.issuer, resource=target.metadata.resource, scopes=scopes)
        answer = await redeem(wire, self._found, self._at_provider, form, scopes, read=read_id_jag)
        return answer.access_token
