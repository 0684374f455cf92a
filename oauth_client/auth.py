"""An httpx2.Auth that starts from the refusal, carries the token, and answers what the server says about it."""

import logging
from collections.abc import AsyncGenerator, Collection, Generator
from typing import Literal

import httpx2

from oauth_client.errors import AuthorizationRefused, DiscoveryFailed, OAuthClientError, TokenRefused, TokenRejected
from oauth_client.models import Challenge, Target, Token
from oauth_client.operation import is_replayable, operation_of
from oauth_client.rules.mcp_scope_selection import select, under, union
from oauth_client.rules.rfc6750_challenge import challenge_of
from oauth_client.rules.rfc8707_resource import check_resource, covers
from oauth_client.source import TokenSource
from oauth_client.step_up import StepUps
from oauth_client.visit import Visit, take_back

log = logging.getLogger("oauth_client")

ERROR = "oauth_client.error"
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_BEYOND_GRANT = ("invalid_scope", "access_denied", "unauthorized_client")


class TokenAuth(httpx2.Auth):
    """Authorizes the requests of one resource; any other request passes without a token.

    `scopes` are asked for when the server's challenge names none. `ceiling`, when given, is the most that is ever
    asked for. `on_failure`: "raise" the OAuthClientError, or "answer": hand over the server's own 401 or 403, with
    the error logged and kept in `response.extensions["oauth_client.error"]`. An MCP session does not survive an
    exception in one of its requests, so long-lived sessions want "answer".
    """

    def __init__(
        self,
        tokens: TokenSource,
        *,
        resource: str,
        scopes: Collection[str] = (),
        ceiling: Collection[str] | None = None,
        on_failure: Literal["raise", "answer"] = "raise",
    ) -> None:
        self._tokens = tokens
        self._resource = check_resource(resource)
        self._scopes = tuple(scopes)
        self._ceiling = None if ceiling is None else frozenset(ceiling)
        self._raises = on_failure == "raise"
        self._asked: frozenset[str] | None = None
        self._step_ups = StepUps(tokens.policy)
        self._hopeless_until = float("-inf")

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Not for a synchronous client. Raises OAuthClientError."""
        raise OAuthClientError(f"{request.method} by a synchronous client: TokenAuth works with httpx2.AsyncClient")

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send with the token there is; answer a 401 with a new one and a 403 with more scope, within limits."""
        if not covers(self._resource, str(request.url)):
            yield take_back(request)
            return
        visit = Visit(request=request, started=self._tokens.policy.clock())
        await self._prepare(visit)
        again = True
        while again:
            response = yield visit.carry()
            again = await self._answer(visit, response)

    async def _prepare(self, visit: Visit) -> None:
        """The token to begin with: none before the first refusal, unless the body can be sent only once.

        When there should be one and cannot, the refusal to come may say where there is a better one.
        """
        try:
            if self._asked is not None:
                visit.target = await self._tokens.find(self._resource)
                visit.token = await self._tokens.get(visit.target, self._asked)
            elif not is_replayable(visit.request):
                await self._unasked(visit)
        except OAuthClientError as error:
            visit.error = error
            if not is_replayable(visit.request):
                self._fail(error)

    async def _unasked(self, visit: Visit) -> None:
        """A token before any refusal; none where nothing says that one is needed."""
        try:
            visit.target = await self._tokens.find(self._resource)
        except DiscoveryFailed:
            return
        await self._obtain(visit, visit.target, Challenge())

    async def _answer(self, visit: Visit, response: httpx2.Response) -> bool:
        """True when the request is to be sent again with `visit.token`. Never reads the body."""
        if not covers(self._resource, str(response.request.url)):
            return False
        try:
            if await self._react(visit, response):
                return self._can_repeat(visit)
        except OAuthClientError as error:
            visit.error = error
            response.extensions[ERROR] = error
            self._fail(error)
        return False

    async def _react(self, visit: Visit, response: httpx2.Response) -> bool:
        challenge = challenge_of(response.headers.get_list("www-authenticate"))
        refused = response.status_code in {_UNAUTHORIZED, _FORBIDDEN}
        if refused and challenge.error == "insufficient_scope" and visit.token is not None:
            await self._step_up(visit, visit.token, challenge)
            return True
        if response.status_code == _UNAUTHORIZED:
            await self._renew(visit, challenge)
            return True
        if visit.upgraded and response.is_success:
            self._step_ups.succeed(visit.upgraded)
        return False

    async def _renew(self, visit: Visit, challenge: Challenge) -> None:
        """A first token, or one for a refused one, with another look at the metadata. RFC 9728 §5.2."""
        stale = None
        if visit.token is not None:
            self._check_hope(visit, visit.token, challenge)
            self._tokens.forget(visit.token)
        if challenge.resource_metadata:
            stale = visit.target
        target = await self._tokens.find(self._resource, challenge.resource_metadata, stale=stale)
        await self._obtain(visit, target, challenge)

    async def _obtain(self, visit: Visit, target: Target, challenge: Challenge) -> None:
        asked = select(
            challenged=challenge.scopes,
            configured=self._scopes,
            supported=target.metadata.scopes_supported,
            ceiling=self._ceiling,
        )
        asked = union(asked, self._asked or ())
        visit.target = target
        visit.token = await self._tokens.get(target, asked)
        self._asked = asked

    def _check_hope(self, visit: Visit, token: Token, challenge: Challenge) -> None:
        """Refuse to renew what was new: a token this very request obtained, or one just after such a failure."""
        now = self._tokens.policy.clock()
        if token.obtained_at >= visit.started:
            self._hopeless_until = now + self._tokens.policy.backoff
        if now < self._hopeless_until:
            said = " ".join(filter(None, (challenge.error, challenge.description))) or "it does not say why"
            raise TokenRejected(self._resource, token.issuer, said)

    async def _step_up(self, visit: Visit, token: Token, challenge: Challenge) -> None:
        """One token with all scopes so far and those demanded. Raises InsufficientScope. MCP, Step-Up."""
        operation = operation_of(visit.request)
        self._step_ups.spend(operation, challenge, token, self._ceiling)
        wanted = under(self._ceiling, union(self._asked or (), token.scopes, challenge.scopes))
        target = await self._tokens.find(self._resource)
        try:
            visit.token = await self._tokens.more(target, wanted, token)
        except (TokenRefused, AuthorizationRefused) as error:
            if error.error in _BEYOND_GRANT:
                self._step_ups.refuse(operation, challenge, token, str(error))
            raise
        if visit.token.scopes == token.scopes:
            self._step_ups.refuse(operation, challenge, token, f"{token.issuer} grants no more")
        self._asked = union(self._asked or (), wanted)
        visit.upgraded = operation

    def _can_repeat(self, visit: Visit) -> bool:
        if is_replayable(visit.request):
            return True
        raise TokenRejected(
            self._resource,
            visit.token.issuer if visit.token else "",
            "there is a better token now, but the body was a stream that cannot be sent twice: send the request again",
        )

    def _fail(self, error: OAuthClientError) -> None:
        if self._raises:
            raise error
        log.warning("%s is called without a good token: %s", self._resource, error)
