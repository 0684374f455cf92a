"""One request on its way through the flow: what it carries, and what has become of it."""

from dataclasses import dataclass

import httpx2

from oauth_client.errors import OAuthClientError
from oauth_client.models import Target, Token

_CARRIES = "oauth_client.carries"


@dataclass(kw_only=True)
class Visit:
    """`started` is in seconds of the clock; `upgraded` names the operation that got more scope."""

    request: httpx2.Request
    started: float
    target: Target | None = None
    token: Token | None = None
    upgraded: str = ""
    error: OAuthClientError | None = None

    def carry(self) -> httpx2.Request:
        """The request with its token, if it has one. In the header only, never in the URL. RFC 6750 §2.1."""
        if self.token is not None:
            self.request.headers["Authorization"] = f"Bearer {self.token.access_token}"
            self.request.extensions[_CARRIES] = True
        return self.request


def take_back(request: httpx2.Request) -> httpx2.Request:
    """A redirect that left the resource may have brought our header along; it goes no further."""
    if request.extensions.get(_CARRIES):
        request.headers.pop("Authorization", None)
    return request
