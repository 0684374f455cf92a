"""A source of tokens that tells of each one that it hands out for the first time."""

from collections.abc import Callable, Iterable

from cli.enquiry import Event
from oauth_client import Policy, Token, TokenSource
from oauth_client.models import Target


class Overheard:
    """Everything is the other source's; `tell` hears for whom and for what a token is, never the token.

    `scopes` are asked for whatever the door's challenge names: that is the least it takes, not what somebody wants.
    """

    def __init__(
        self, source: TokenSource, tell: Callable[[Event], None], *, how: str, scopes: Iterable[str] = ()
    ) -> None:
        self._source = source
        self._tell = tell
        self._how = how
        self._scopes = frozenset(scopes)
        self._told: set[str] = set()
        self.policy: Policy = source.policy

    async def find(self, resource: str, challenged: str | None = None, *, stale: Target | None = None) -> Target:
        """Where tokens for this resource come from."""
        return await self._source.find(resource, challenged, stale=stale)

    async def get(self, target: Target, scopes: frozenset[str]) -> Token:
        """A token with these scopes."""
        return self._heard(await self._source.get(target, scopes | self._scopes))

    async def more(self, target: Target, scopes: frozenset[str], than: Token) -> Token:
        """A token with more."""
        return self._heard(await self._source.more(target, scopes, than))

    def forget(self, token: Token) -> None:
        """Never hand out this token again."""
        self._source.forget(token)

    def _heard(self, token: Token) -> Token:
        if token.access_token not in self._told:
            self._told.add(token.access_token)
            scope = " ".join(sorted(token.scopes))
            self._tell(
                {"event": "token_obtained", "at": [], "resource": token.resource, "scope": scope, "how": self._how}
            )
        return token
