"""The tokens that an agent uses at one place: in its caller's name or in its own, asked for as its profile says."""

from collections.abc import Collection
from dataclasses import dataclass

from daca_agents.happenings import happened
from oauth_client import MethodNotOffered, OAuthClientError, Token, TokenRefused, TokenSource
from oauth_client.models import Target

_NO_EXCHANGE = "unsupported_grant_type"


class ExchangeMissing(OAuthClientError):
    """The authorization server knows no token exchange, so nobody can act in a caller's name there. RFC 8693."""

    def __init__(self, why: object) -> None:
        super().__init__(
            f"{why}; without token exchange (RFC 8693) this agent can not go on in its caller's name. "
            "`acts: itself` in its profile, or DACA_ACTS=itself, lets it go on with its own rights instead."
        )


@dataclass(frozen=True, kw_only=True)
class Standing:
    """In whose name a token is: everybody who acts, the latest first; nobody when the agent is by itself."""

    how: str
    actors: tuple[str, ...] = ()


class Sought:
    """A `TokenSource` over another: asks for what the profile says at once, and tells of every token it gets.

    A door shows only tools that the token in hand may call, so an agent asks for all its `usual` scopes, not for the
    few of a challenge. Where the caller's token does not reach that far, the few of the challenge are asked for.
    """

    def __init__(self, tokens: TokenSource, usual: Collection[str], standing: Standing) -> None:
        self.policy = tokens.policy
        self._tokens = tokens
        self._usual: frozenset[str] = frozenset(usual)
        self._standing = standing

    async def find(self, resource: str, challenged: str | None = None, *, stale: Target | None = None) -> Target:
        """Where tokens for this resource come from. Raises ExchangeMissing."""
        try:
            return await self._tokens.find(resource, challenged, stale=stale)
        except MethodNotOffered as error:
            raise (ExchangeMissing(error) if self._standing.actors else error) from None

    async def get(self, target: Target, scopes: frozenset[str]) -> Token:
        """A token with these scopes and the usual ones, or with these alone. Raises ExchangeMissing, TokenRefused."""
        wanted = scopes | self._usual
        try:
            return await self._told(target, wanted)
        except TokenRefused as refused:
            if refused.error != "invalid_scope" or wanted == scopes:
                raise
        self._usual = frozenset[str]()
        return await self._told(target, scopes)

    async def more(self, target: Target, scopes: frozenset[str], than: Token) -> Token:
        """More than this token has, from where that came."""
        return await self._tokens.more(target, scopes, than)

    def forget(self, token: Token) -> None:
        """Never hand out this token again."""
        self._tokens.forget(token)

    async def _told(self, target: Target, scopes: frozenset[str]) -> Token:
        asked = self.policy.clock()
        try:
            token = await self._tokens.get(target, scopes)
        except TokenRefused as refused:
            raise (ExchangeMissing(refused) if refused.error == _NO_EXCHANGE else refused) from None
        if token.obtained_at >= asked:
            scope = " ".join(sorted(token.scopes))
            happened(
                "token_obtained",
                resource=token.resource,
                scope=scope,
                how=self._standing.how,
                actors=list(self._standing.actors),
            )
        return token
