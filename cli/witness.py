"""Remembers what an HTTP conversation was refused for: an MCP client tells its caller less than the server said."""

from collections.abc import Mapping
from typing import cast

import httpx2
from mcp import MCPError

from cli.errors import Failure
from oauth_client import OAuthClientError

_AUTH_ERROR = "oauth_client.error"
_REFUSALS = frozenset({401, 403})
_LONGEST = 400


class Witness:
    """Watches one client; `failure` turns whatever an MCP session raised into one sentence."""

    def __init__(self) -> None:
        self._last: httpx2.Response | None = None

    def watch(self, http: httpx2.AsyncClient) -> None:
        """See every response of this client."""
        http.event_hooks["response"].append(self._see)

    def failure(self, url: str, error: Exception) -> Failure:
        """The most telling reason: the client's own, then the server's, then the library's."""
        causes = list(_leaves(error))
        for cause in causes:
            if isinstance(cause, Failure):
                return cause
        if why := self._refusal():
            return Failure(f"{url}: {why}")
        return Failure(f"{url}: {'; '.join(dict.fromkeys(_in_words(cause) for cause in causes))}")

    @property
    def error(self) -> OAuthClientError | None:
        """Our own client's error behind the last refusal, if that is what it was."""
        error = self._last.extensions.get(_AUTH_ERROR) if self._last is not None else None
        return error if isinstance(error, OAuthClientError) else None

    async def _see(self, response: httpx2.Response) -> None:
        self._last = response

    def _refusal(self) -> str:
        """Asked at the end only: the client's own error comes to a response after it was seen."""
        if self._last is None or self._last.status_code not in _REFUSALS:
            return ""
        if self.error is not None:
            return str(self.error)
        return f"refused with {self._last.status_code} {_challenge(self._last.headers)}"


def _challenge(headers: Mapping[str, str]) -> str:
    return headers.get("www-authenticate", "and no challenge")[:_LONGEST]


def _in_words(error: BaseException) -> str:
    if isinstance(error, httpx2.ConnectError):
        return "nobody answers there"
    if isinstance(error, MCPError):
        return f"{error.message} (code {error.code})"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return [leaf for one in inner for leaf in _leaves(one)]
    return [error]
