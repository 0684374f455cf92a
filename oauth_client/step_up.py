"""How often an operation may ask for more scope before the answer is no. MCP, Step-Up Authorization Flow."""

from collections import OrderedDict
from collections.abc import Collection

from oauth_client.errors import InsufficientScope, listing
from oauth_client.models import Challenge, Token
from oauth_client.policy import Policy
from oauth_client.rules.mcp_scope_selection import beyond


class StepUps:
    """Counts the upgrades of each operation of one resource, and remembers for a while that one is beyond reach."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._spent: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def spend(self, operation: str, challenge: Challenge, token: Token, ceiling: Collection[str] | None) -> None:
        """Count one upgrade that may help. Raises InsufficientScope when none can, or when none is left."""
        spent = self._current(operation)
        if spent >= self._policy.max_upgrades:
            self.refuse(operation, challenge, token, "asking for more did not help before, and is not repeated for now")
        why = _why_not(challenge, token, ceiling)
        if why:
            self.refuse(operation, challenge, token, why)
        self._remember(operation, spent + 1)

    def refuse(self, operation: str, challenge: Challenge, token: Token, why: str) -> None:
        """Remember that this operation is beyond reach. Raises InsufficientScope always."""
        self._remember(operation, self._policy.max_upgrades)
        raise InsufficientScope(operation, needed=challenge.scopes, granted=token.scopes, why=why)

    def succeed(self, operation: str) -> None:
        """Forget the upgrades of an operation that went through."""
        self._spent.pop(operation, None)

    def _current(self, operation: str) -> int:
        spent, until = self._spent.get(operation, (0, 0.0))
        return spent if self._policy.clock() < until else 0

    def _remember(self, operation: str, spent: int) -> None:
        if spent > self._current(operation):
            self._spent[operation] = (spent, self._policy.clock() + self._policy.remember_denials)
        while len(self._spent) > self._policy.capacity:
            self._spent.popitem(last=False)


def _why_not(challenge: Challenge, token: Token, ceiling: Collection[str] | None) -> str:
    forbidden = beyond(challenge.scopes, ceiling)
    if not challenge.scopes:
        return "the server does not name the scope it wants"
    if forbidden:
        return f"this client is never to ask for {listing(forbidden)}"
    if token.scopes.issuperset(challenge.scopes):
        return "the token carries what the server asks for, and the server refuses it all the same"
    return ""
