"""The protocol's endpoints as plain ASGI, in front of the framework: reads the body, bounded, and answers refusals.

Every refusal is written here, and every decision gets its one log line here.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth_server.endpoints.wire import Answer, Endpoint, Header, Request, refusal
from auth_server.errors import BodyTooLarge, InvalidRequest, OAuthError, ServerError, TemporarilyUnavailable
from auth_server.proxies import Networks, sender
from sidecar.audit import Audit
from sidecar.secrets import SecretsUnavailable
from sidecar.state import StateUnavailable

_LARGEST = 32 * 1024
_BODY_SECONDS = 10
_ANY_ORIGIN: Header = (b"access-control-allow-origin", b"*")
_LOG: structlog.typing.FilteringBoundLogger = structlog.get_logger("auth_server")


@dataclass(frozen=True, kw_only=True)
class Route:
    """An endpoint and the methods it takes; GET takes HEAD too. In the log it is its `event`, or else its name.

    A page is for people: refusals look otherwise, and no other site's script may read it.
    """

    name: str
    endpoint: Endpoint
    event: str = ""
    methods: tuple[str, ...] = ("POST",)
    quiet: bool = False
    page: bool = False
    refused: Callable[[OAuthError], Answer] = refusal


@dataclass(kw_only=True)
class Front:
    """Answers the exact paths of the protocol; whatever else is asked goes to the framework.

    A path that ends in a slash stands for all with one more segment.
    """

    behind: ASGIApp
    routes: Mapping[str, Route] = field(default_factory=dict[str, Route])
    proxies: Networks = ()
    audit: Audit = field(default_factory=Audit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        route = self._route(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self.behind(scope, receive, send)
            return
        answer = await _answer(route, scope, receive, self.proxies)
        if not route.quiet and answer.note:
            self.audit.tell(route.event or route.name, answer.note)
        await _send(answer, send, bodiless=scope["method"] == "HEAD", page=route.page)

    def _route(self, path: str) -> Route | None:
        return self.routes.get(path) or self.routes.get(path.rpartition("/")[0] + "/")


async def _answer(route: Route, scope: Scope, receive: Receive, proxies: Networks) -> Answer:
    method: str = scope["method"]
    if method not in route.methods:
        return _preflight(route) if method == "OPTIONS" and not route.page else _not_allowed(route)
    try:
        body = await _body(receive) if method in ("POST", "PUT") else b""
        headers: tuple[Header, ...] = tuple(scope["headers"])
        return await route.endpoint(
            Request(
                method=method,
                headers=headers,
                query=scope["query_string"],
                body=body,
                peer=_sender(scope, headers, proxies),
                path=scope["path"],
            )
        )
    except Exception as error:  # noqa: BLE001  whatever it is, a client gets OAuth's answer, not a framework's page
        return route.refused(_as_oauth(route, error))


def _sender(scope: Scope, headers: tuple[Header, ...], proxies: Networks) -> str:
    forwarded = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"] if proxies else []
    return sender((scope.get("client") or ("",))[0], forwarded, proxies)


def _as_oauth(route: Route, error: Exception) -> OAuthError:
    if isinstance(error, OAuthError):
        return error
    if isinstance(error, StateUnavailable | SecretsUnavailable):
        _LOG.error("store unavailable", at=route.name, why=str(error))
        return TemporarilyUnavailable("a store does not answer: try again")
    _LOG.error("failed", at=route.name, exc_info=error)
    return ServerError("something went wrong here", detail=type(error).__name__)


def _not_allowed(route: Route) -> Answer:
    return Answer(status=405, headers=((b"allow", ", ".join(route.methods).encode()),))


async def _body(receive: Receive) -> bytes:
    """The body, of bounded size, in bounded time."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await _read(receive)
    except TimeoutError:
        raise InvalidRequest("the body did not arrive in time") from None


async def _read(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidRequest("the body is incomplete")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _LARGEST:
            raise BodyTooLarge(f"the body has more than {_LARGEST} bytes")
    return body


def _preflight(route: Route) -> Answer:
    """Any web page may ask: no cookie means anything here. WHATWG Fetch, CORS."""
    return Answer(
        status=204,
        headers=(
            (b"access-control-allow-methods", ", ".join(route.methods).encode()),
            (b"access-control-allow-headers", b"authorization, content-type, mcp-protocol-version"),
            (b"access-control-max-age", b"600"),
        ),
    )


async def _send(answer: Answer, send: Send, *, bodiless: bool, page: bool) -> None:
    length = b"%d" % len(answer.body)
    start: Message = {
        "type": "http.response.start",
        "status": answer.status,
        "headers": [*answer.headers, (b"content-length", length), *(() if page else (_ANY_ORIGIN,))],
    }
    await send(start)
    await send({"type": "http.response.body", "body": b"" if bodiless else answer.body})
