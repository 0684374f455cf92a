"""MCP, Scope Selection Strategy and Step-Up Authorization Flow — which scopes are asked for?"""

from collections.abc import Collection, Iterable

from oauth_client.errors import InsufficientScope


def select(
    *,
    challenged: Collection[str],
    configured: Collection[str],
    supported: Collection[str],
    ceiling: Collection[str] | None,
) -> frozenset[str]:
    """What the challenge names, else what was configured, else what is supported. MCP, Scope Selection Strategy.

    Nothing at all means that the request has no scope parameter and the server chooses; never so under a ceiling,
    beyond which nothing is asked for. Raises InsufficientScope when the ceiling leaves nothing.
    """
    chosen = frozenset(challenged or configured or supported)
    if ceiling is None:
        return chosen
    if not chosen:
        return frozenset(ceiling)
    if chosen.isdisjoint(ceiling):
        raise InsufficientScope("any request", needed=chosen, granted=(), why="this client is never to ask for these")
    return chosen.intersection(ceiling)


def union(*scopes: Iterable[str]) -> frozenset[str]:
    """A step-up keeps what there was: asked for, granted without asking, and now demanded. MCP, Step-Up."""
    return frozenset[str]().union(*scopes)


def under(ceiling: Collection[str] | None, scopes: frozenset[str]) -> frozenset[str]:
    """Of these scopes, those that this client may ask for."""
    return scopes if ceiling is None else scopes.intersection(ceiling)


def beyond(challenged: Iterable[str], ceiling: Collection[str] | None) -> frozenset[str]:
    """The demanded scopes that this client is never to ask for."""
    return frozenset() if ceiling is None else frozenset(challenged) - frozenset(ceiling)
