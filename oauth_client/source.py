"""What authorizes requests needs of whoever has the tokens: a machine's, or a person's."""

from typing import Protocol

from oauth_client.models import Target, Token
from oauth_client.policy import Policy


class TokenSource(Protocol):
    """`Tokens` for a client of its own, `PersonTokens` for a person."""

    policy: Policy

    async def find(self, resource: str, challenged: str | None = None, *, stale: Target | None = None) -> Target:
        """Where tokens for this resource come from."""
        ...

    async def get(self, target: Target, scopes: frozenset[str]) -> Token:
        """A token with these scopes, or as many of them as there are to be had."""
        ...

    async def more(self, target: Target, scopes: frozenset[str], than: Token) -> Token:
        """A token with more than this one has, since it was not enough."""
        ...

    def forget(self, token: Token) -> None:
        """Never hand out this token again."""
        ...
