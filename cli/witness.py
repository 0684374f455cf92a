"""Remembers what an HTTP conversation was refused for: an MCP client tells its caller less than the server said."""

from collections.abc import Mapping
from typing import cast

import httpx2
from mcp import MCPError

from cli.errors import Failure
from oauth_client import OAuthClientError

_AUTH_ERROR = "oauth_client.error"
_REFUSALS = frozenset({401, 403})


class Witness:
    """Watches one client; `failure` turns whatever an MCP session raised into one sentence."""

    def __init__(self) -> None:
        self._auth_error: OAuthClientError | None = None
        self._refusal = ""

    def watch(self, http: httpx2.AsyncClient) -> None:
        """See every response of this client."""
        http.event_hooks["response"].append(self._see)

    def failure(self, url: str, error: Exception) -> Failure:
        """The most telling reason: the client's own, then the server's, then the library's."""
        causes = list(_leaves(error))
        for cause in causes:
            if isinstance(cause, Failure):
                return cause
        if self._auth_error:
            return Failure(f"{url}: {self._auth_error}")
        if self._refusal:
            return Failure(f"{url}: {self._refusal}")
        return Failure(f"{url}: {'; '.join(dict.fromkeys(_in_words(cause) for cause in causes))}")

    async def _see(self, response: httpx2.Response) -> None:
        found = response.extensions.get(_AUTH_ERROR)
        if isinstance(found, OAuthClientError):
            self._auth_error = found
        if response.status_code in _REFUSALS:
            self._refusal = f"refused with {response.status_code} {_challenge(response.headers)}"
        else:
            self._refusal = ""


def _challenge(headers: Mapping[str, str]) -> str:
    return headers.get("www-authenticate", "and no challenge")


def _in_words(error: BaseException) -> str:
    if isinstance(error, httpx2.ConnectError):
        return "nobody answers there"
    if isinstance(error, MCPError):
        return f"{error.message} (code {error.code})"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        inner = cast("tuple[BaseException, ...]", error.exceptions)
        return [leaf for one in inner for leaf in _leaves(one)]
    return [error]
