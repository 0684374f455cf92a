"""Why a tool server, or another agent, could not be used: which one, and what would help."""

from collections.abc import Callable, Collection, Iterator
from typing import cast

import httpx
import httpx2
from a2a.utils.errors import A2AError
from agents.exceptions import UserError
from mcp import MCPError

from oauth_client import InsufficientScope, OAuthClientError


class ToolServerProblem(UserError):
    """A tool server that could not be used: which, and why."""

    def __init__(self, server: str, why: str) -> None:
        super().__init__(f"{server}: {why}")
        self.server = server
        self.why = why


class ToolServerRefused(ToolServerProblem):
    """It, or its authorization server, said no. `lacks`: the scopes that would have been needed, where it is those."""

    def __init__(self, server: str, why: str, *, lacks: Collection[str] = ()) -> None:
        super().__init__(server, why)
        self.lacks = frozenset(lacks)


class ToolServerAway(ToolServerProblem):
    """It gave no answer."""


_Explain = Callable[[str, str, BaseException], ToolServerProblem]


def _refused(server: str, _: str, cause: BaseException) -> ToolServerProblem:
    lacks = cause.needed if isinstance(cause, InsufficientScope) else ()
    return ToolServerRefused(server, str(cause), lacks=lacks)


def _late(server: str, url: str, _: BaseException) -> ToolServerProblem:
    return ToolServerAway(server, f"{url} did not answer in time")


def _away(server: str, url: str, _: BaseException) -> ToolServerProblem:
    return ToolServerAway(server, f"{url} can not be reached")


def _answered(server: str, url: str, cause: BaseException) -> ToolServerProblem:
    return ToolServerRefused(server, f"{url} answered: {cast('MCPError', cause).message}")


def _said(server: str, url: str, cause: BaseException) -> ToolServerProblem:
    return ToolServerRefused(server, f"{url} answered: {cause}")


# A session that breaks raises several errors at once; the first kind of this list is what it broke on.
_KINDS: tuple[tuple[type[BaseException], _Explain], ...] = (
    (OAuthClientError, _refused),
    (httpx2.TimeoutException, _late),
    (TimeoutError, _late),
    (httpx2.TransportError, _away),
    (MCPError, _answered),
    (A2AError, _said),
)


def problem_of(server: str, url: str, error: BaseException) -> ToolServerProblem | None:
    """The one cause that matters, in words; None for an error that is our own fault."""
    causes = list(_leaves(error))
    for kind, explain in _KINDS:
        for cause in causes:
            if isinstance(cause, kind):
                return explain(server, url, cause)
    return None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        yield error
        # The A2A SDK tells of a broken connection in words; what broke is behind them.
        if isinstance(error, (A2AError, httpx.TransportError)) and error.__cause__ is not None:
            yield from _leaves(error.__cause__)
        return
    for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
        yield from _leaves(inner)
