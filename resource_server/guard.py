"""The door: an ASGI app around another that lets in verified callers and tells everyone else how to become one."""

import time
from collections.abc import Callable
from functools import partial
from typing import Unpack

import httpx2
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resource_server.body import Disconnected
from resource_server.caller import SCOPE_KEY, enter, leave
from resource_server.decision import Decision
from resource_server.endpoints import Metadata, Readiness, Refusals
from resource_server.errors import InsufficientScope, Refusal
from resource_server.origins import Origins, answer_preflight, with_cors
from resource_server.rate_limit import Buckets
from resource_server.rules.rfc6750_bearer import check_token, take_token
from resource_server.rules.rfc9110_fields import Fields
from resource_server.settings import Options, Settings
from resource_server.token_check import Verified
from resource_server.tool_list import ToolListFilter, readable
from resource_server.tool_scopes import Operation, Operations
from resource_server.trust import Trust

LISTS_ALL = "Daca-List-Tools"
"""The header of a caller that wants to be shown what it may not call yet."""


class Door:
    """Guards an ASGI app: every request needs a token that `issuer` made for `resource`, with the scopes it takes.

    `http` fetches the issuer's keys; without one the door has its own and closes it. `clock` gives seconds since 1970.
    The settings are those of `resource_server.settings.Settings`. Raises ValueError or TypeError for unsafe ones.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        resource: str,
        issuer: str,
        http: httpx2.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        **options: Unpack[Options],
    ) -> None:
        self.app = app
        self.settings = settings = Settings(resource=resource, issuer=issuer, **options)
        self.trust = Trust(settings, http, clock=clock, monotonic=monotonic)
        self._public = frozenset(settings.public_paths)
        self._operations = Operations(settings)
        self._origins = Origins(resource, settings.allowed_hosts, settings.allowed_origins)
        self._metadata = Metadata(settings)
        self._readiness = Readiness(settings, self.trust.ready)
        self._refusals = Refusals(settings)
        self._buckets = Buckets(settings.rate_limit, monotonic) if settings.rate_limit else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection. HTTP is guarded; WebSocket, which MCP does not use, is closed."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
        elif scope["path"] in self._public:
            await self.app(scope, receive, send)
        elif scope["path"] in self._metadata.paths:
            await self._metadata.answer(scope, send)
        elif scope["path"] == self.settings.ready_path:
            await self._readiness.answer(scope, send)
        else:
            await self._guarded(scope, Fields(scope["headers"]), receive, send)

    async def aclose(self) -> None:
        """End background work and close the door's own HTTP client. The lifespan does it at shutdown."""
        await self.trust.aclose()

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "no WebSocket here"})

    async def _guarded(self, scope: Scope, fields: Fields, receive: Receive, send: Send) -> None:
        verified = operation = None
        try:
            self._origins.check_host(fields)
            if (origin := self._origins.check_origin(fields)) is not None:
                send = with_cors(send, origin)
                if scope["method"] == "OPTIONS" and b"access-control-request-method" in fields:
                    return await answer_preflight(send)
            token = take_token(fields, scope.get("query_string", b""), max_length=self.settings.max_token)
            verified = self.trust.known(token)
            if verified is None:
                check_token(token)
                verified = await self.trust.verify(token)
            operation = await self._operations.of(scope, fields, receive)
            self._check(verified, operation)
        except Refusal as refusal:
            return await self._refuse(refusal, scope, send, verified, operation)
        except Disconnected:
            return None
        if operation.tool:
            # What a caller's calls of one tool have in common is all of it.
            known = verified.calls.get(operation.tool)
            self.settings.decided(known or self._first_call(scope, verified, operation))
        if operation.lists_tools:
            send = self._narrowed(send, fields, verified)
        reset = enter(verified.caller)
        try:
            await self.app(_inside(scope, fields, verified, operation), operation.receive, send)
        finally:
            leave(reset)

    def _check(self, verified: Verified, operation: Operation) -> None:
        if not verified.scopes.issuperset(operation.needed):
            raise InsufficientScope(operation.needed, request_id=operation.request_id)
        if operation.tool and self._buckets is not None:
            self._buckets.take(verified.caller, operation.request_id)

    def _narrowed(self, send: Send, fields: Fields, verified: Verified) -> Send:
        """Shows a caller the tools that are for it."""
        everything = self.settings.list_all_on_request and b"all" in fields.all(LISTS_ALL.lower().encode())
        shows = partial(self._operations.shows, scopes=verified.scopes, everything=everything)
        return ToolListFilter(send, shows, one_callers=not self.settings.list_all_tools)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.trust.start()
            return message

        try:
            await self.app(scope, receiving, send)
        finally:
            await self.aclose()

    def _first_call(self, scope: Scope, verified: Verified, operation: Operation) -> Decision:
        decision = verified.calls[operation.tool] = self._decision(scope, verified, operation)
        return decision

    async def _refuse(
        self,
        refusal: Refusal,
        scope: Scope,
        send: Send,
        verified: Verified | None = None,
        operation: Operation | None = None,
    ) -> None:
        self.settings.decided(self._decision(scope, verified, operation, refusal))
        await self._refusals.answer(refusal, scope, send)

    def _decision(
        self, scope: Scope, verified: Verified | None, operation: Operation | None, refusal: Refusal | None = None
    ) -> Decision:
        return Decision(
            resource=self.settings.resource,
            method=scope["method"],
            path=scope["path"],
            status=200 if refusal is None else refusal.status,
            error="" if refusal is None else refusal.error or "no_token",
            reason="" if refusal is None else refusal.detail or refusal.description,
            caller=None if verified is None else verified.caller,
            key_id="" if verified is None else verified.key_id,
            tool=_tool(operation, refusal),
            needed=() if operation is None else operation.needed,
        )


def _tool(operation: Operation | None, refusal: Refusal | None) -> str:
    if operation is not None:
        return operation.tool
    return "" if refusal is None else refusal.tool


def _inside(scope: Scope, fields: Fields, verified: Verified, operation: Operation) -> Scope:
    """What the app reads: who calls, not what with. A token that it never sees it cannot pass on."""
    inner: Scope = {**scope, "headers": fields.without(b"authorization"), SCOPE_KEY: verified.caller}
    return readable(inner) if operation.lists_tools else inner
