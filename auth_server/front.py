"""The protocol's endpoints as plain ASGI, in front of the framework: reads the body, bounded, and answers refusals.

Every refusal is written here, and every decision gets its one log line here.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth_server.endpoints.wire import Answer, AtOnce, Endpoint, Header, Request, refusal
from auth_server.errors import BodyTooLarge, InvalidRequest, OAuthError, ServerError, TemporarilyUnavailable
from auth_server.proxies import Networks, sender
from sidecar.at_once import Reply
from sidecar.audit import Audit
from sidecar.secrets import SecretsUnavailable
from sidecar.state import StateUnavailable

_LARGEST = 32 * 1024
_BODY_SECONDS = 10
_BODIED = ("POST", "PUT")
_ANY_ORIGIN: Header = (b"access-control-allow-origin", b"*")
_LOG: structlog.typing.FilteringBoundLogger = structlog.get_logger("auth_server")


@dataclass(frozen=True, kw_only=True)
class Route:
    """An endpoint and the methods it takes; GET takes HEAD too. In the log it is its `event`, or else its name.

    A page is for people: refusals look otherwise, and no other site's script may read it. `at_once` answers what memory
    alone can answer, else None without a trace: then the endpoint is asked.
    """

    name: str
    endpoint: Endpoint
    event: str = ""
    at_once: AtOnce | None = None
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
        self._tell(route, answer)
        await _send(route, answer, send, bodiless=scope["method"] == "HEAD")

    def at_once(self, scope: Scope, body: bytes) -> Reply | None:
        """The answer to a request that came whole, where it takes no waiting. See `sidecar.at_once`."""
        route = self.routes.get(scope["path"])
        if route is None or route.at_once is None or len(body) > _LARGEST:
            return None
        answer = _prompt(route, _request(scope, body, self.proxies))
        if answer is None:
            return None
        self._tell(route, answer)
        return answer.status, _headers(route, answer), answer.body

    def _tell(self, route: Route, answer: Answer) -> None:
        """Tell of a decision, whichever way it was made."""
        if answer.note and not route.quiet:
            self.audit.tell(route.event or route.name, answer.note)

    def _route(self, path: str) -> Route | None:
        return self.routes.get(path) or self.routes.get(path.rpartition("/")[0] + "/")


async def _answer(route: Route, scope: Scope, receive: Receive, proxies: Networks) -> Answer:
    method: str = scope["method"]
    if method not in route.methods:
        return _preflight(route) if method == "OPTIONS" and not route.page else _not_allowed(route)
    try:
        body = await _body(receive) if method in _BODIED else b""
        request = _request(scope, body, proxies)
        return _prompt(route, request) or await route.endpoint(request)
    except Exception as error:  # noqa: BLE001  whatever it is, a client gets OAuth's answer, not a framework's page
        return route.refused(_as_oauth(route, error))


def _prompt(route: Route, request: Request) -> Answer | None:
    if route.at_once is None or request.method not in route.methods:
        return None
    try:
        return route.at_once(request)
    except Exception:  # noqa: BLE001  the whole way finds the same, and tells of it
        return None


def _request(scope: Scope, body: bytes, proxies: Networks) -> Request:
    headers: tuple[Header, ...] = tuple(scope["headers"])
    return Request(
        method=scope["method"],
        headers=headers,
        query=scope["query_string"],
        body=body,
        peer=_sender(scope, headers, proxies),
        path=scope["path"],
    )


def _sender(scope: Scope, headers: tuple[Header, ...], proxies: Networks) -> str:
    peer: str = (scope.get("client") or ("",))[0]
    if not proxies:
        return peer
    return sender(peer, [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"], proxies)


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


async def _send(route: Route, answer: Answer, send: Send, *, bodiless: bool) -> None:
    length = b"%d" % len(answer.body)
    start: Message = {
        "type": "http.response.start",
        "status": answer.status,
        "headers": [*_headers(route, answer), (b"content-length", length)],
    }
    await send(start)
    await send({"type": "http.response.body", "body": b"" if bodiless else answer.body})


def _headers(route: Route, answer: Answer) -> tuple[Header, ...]:
    return answer.headers if route.page else (*answer.headers, _ANY_ORIGIN)
