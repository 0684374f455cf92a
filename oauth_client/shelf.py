"""Tokens kept by what they were asked for, one flight per key; never beyond a given end."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from oauth_client.flights import Flights
from oauth_client.models import Target, Token, TokenAnswer
from oauth_client.policy import Policy

K = TypeVar("K", bound=Hashable)
_MARGIN_SHARE = 0.1


class Shelf(Generic[K]):
    """Whoever asks for a key while it is being obtained shares that; what is close to its end is obtained anew."""

    def __init__(self, policy: Policy, *, abandoned: bool = False) -> None:
        self._policy = policy
        self._held: OrderedDict[K, tuple[Token, float]] = OrderedDict()
        self._flights: Flights[K, Token] = Flights(policy.clock, policy.backoff, abandoned=abandoned)

    async def get(self, key: K, obtain: Callable[[], Awaitable[Token]]) -> Token:
        """The token of this key. Raises what `obtain` raises."""
        held = self._held.get(key)
        if held is not None and self._policy.clock() < held[1]:
            self._held.move_to_end(key)
            return held[0]

        async def fly() -> Token:
            token = await obtain()
            self._keep(key, token)
            return token

        return await self._flights.join(key, fly)

    def forget(self, token: Token) -> None:
        """Never hand out this token again."""
        for key in [key for key, held in self._held.items() if held[0] is token]:
            del self._held[key]

    async def aclose(self) -> None:
        """Give up what is under way, and keep nothing."""
        await self._flights.aclose()
        self._held.clear()

    def _keep(self, key: K, token: Token) -> None:
        self._held[key] = (token, good_until(token, self._policy))
        self._held.move_to_end(key)
        while len(self._held) > self._policy.capacity:
            self._held.popitem(last=False)


def token_of(answer: TokenAnswer, target: Target, client_id: str, policy: Policy, *, ends: float | None) -> Token:
    """The token as it counts here: no longer than it says, and no longer than `ends`."""
    now = policy.clock()
    expires = now + (answer.lifetime or policy.default_lifetime)
    return Token(
        access_token=answer.access_token,
        obtained_at=now,
        expires_at=expires if ends is None else min(expires, ends),
        scopes=answer.scopes,
        issuer=target.server.issuer,
        resource=target.metadata.resource,
        client_id=client_id,
    )


def good_until(token: Token, policy: Policy) -> float:
    """How long it may be handed out, in seconds of the clock: until shortly before its end."""
    life = token.expires_at - token.obtained_at
    return token.expires_at - min(policy.margin, life * _MARGIN_SHARE)
