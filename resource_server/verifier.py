"""The door's token check for the MCP SDK: its TokenVerifier, and callers as the SDK knows them. Needs `mcp`."""

from typing import Unpack

import httpx2
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.authentication import AuthCredentials
from starlette.types import ASGIApp, Receive, Scope, Send

from resource_server.caller import SCOPE_KEY, Caller
from resource_server.errors import InvalidToken
from resource_server.settings import Options, Settings
from resource_server.trust import Trust


class DoorTokenVerifier:
    """Implements `mcp.server.auth.provider.TokenVerifier`: everything the door checks of a token, its audience too.

    The SDK's own gate stands around it, with the SDK's challenges and no scopes per tool: `Door` does more.
    """

    def __init__(
        self, *, resource: str, issuer: str, http: httpx2.AsyncClient | None = None, **options: Unpack[Options]
    ) -> None:
        self._settings = Settings(resource=resource, issuer=issuer, **options)
        self._trust = Trust(self._settings, http)

    async def aclose(self) -> None:
        """Close the verifier's own HTTP client, if it has one."""
        await self._trust.aclose()

    async def verify_token(self, token: str) -> AccessToken | None:
        """The SDK's access token, or None for any that is not sound or not for this resource.

        Raises KeysUnavailable while no key is known: that is no fault of the token.
        """
        if not token.isascii() or len(token) > self._settings.max_token:
            return None
        try:
            verified = await self._trust.verify(token.encode("ascii"))
        except InvalidToken:
            return None
        return _as_sdk_token(verified.caller, self._settings.resource)


class KnownToSdk:
    """Between door and SDK: the caller as the SDK's user, so that it binds its sessions to whoever opened them."""

    def __init__(self, app: ASGIApp, resource: str) -> None:
        self._app = app
        self._resource = resource

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add `user` and `auth` to a request that came through the door."""
        caller: Caller | None = scope.get(SCOPE_KEY)
        if caller is not None:
            user = AuthenticatedUser(_as_sdk_token(caller, self._resource))
            scope = {**scope, "user": user, "auth": AuthCredentials(user.scopes)}
        await self._app(scope, receive, send)


def _as_sdk_token(caller: Caller, resource: str) -> AccessToken:
    return AccessToken(
        token=caller.token,
        client_id=caller.client_id,
        scopes=sorted(caller.scopes),
        expires_at=int(caller.claims["exp"]),
        resource=resource,
        subject=caller.subject,
        claims=dict(caller.claims),
    )
