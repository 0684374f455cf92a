"""Every refusal of the door: a status, an error code for the client, and a detail for the log alone."""

from collections.abc import Sequence
from typing import ClassVar, TypeAlias

RequestId: TypeAlias = "str | int | float | None"


class Refusal(Exception):
    """A request the door turns away. `description` goes to the client, `detail` to the log and nowhere else."""

    status: ClassVar[int] = 400
    error: ClassVar[str] = "invalid_request"
    challenged: ClassVar[bool] = False
    rpc_code: ClassVar[int] = -32003

    def __init__(self, description: str, *, detail: str = "", request_id: RequestId = None) -> None:
        super().__init__(f"{self.error}: {description}")
        self.description = description
        self.detail = detail
        self.request_id = request_id
        self.tool = ""
        self.headers: tuple[tuple[bytes, bytes], ...] = ()


class NoToken(Refusal):
    """No access token was sent, so no error is named. RFC 6750 §3.1."""

    status = 401
    error = ""
    challenged = True


class InvalidToken(Refusal):
    """The access token is expired, malformed or not for this resource. RFC 6750 §3.1."""

    status = 401
    error = "invalid_token"
    challenged = True


class InvalidRequest(Refusal):
    """The request carries its token in no acceptable way. RFC 6750 §3.1."""

    challenged = True


class InsufficientScope(Refusal):
    """The token is sound and carries too little scope. RFC 6750 §3.1."""

    status = 403
    error = "insufficient_scope"
    challenged = True

    def __init__(self, scopes: Sequence[str], *, detail: str = "", request_id: RequestId = None) -> None:
        super().__init__(f"this operation needs the scope {' '.join(scopes)}", detail=detail, request_id=request_id)
        self.scopes = tuple(scopes)


class KeysUnavailable(Refusal):
    """No signing key of the authorization server is known yet: nothing can be verified, so nothing passes."""

    status = 503
    error = "temporarily_unavailable"

    def __init__(self, retry_after: int) -> None:
        super().__init__("the authorization server's keys are not known yet; try again shortly")
        self.headers = ((b"retry-after", b"%d" % retry_after),)


class MisdirectedRequest(Refusal):
    """The Host header names another server: DNS rebinding, or a proxy that is not configured here."""

    status = 421
    error = "misdirected_request"


class ForeignOrigin(Refusal):
    """A page of another origin sent this from a browser. MCP transport, security warning."""

    status = 403
    error = "forbidden_origin"


class NotFound(Refusal):
    """The path is no part of the protected resource."""

    status = 404
    error = "not_found"


class MethodNotAllowed(Refusal):
    """The HTTP method has no meaning at the MCP endpoint."""

    status = 405
    error = "method_not_allowed"

    def __init__(self, description: str) -> None:
        super().__init__(description)
        self.headers = ((b"allow", b"GET, POST, DELETE"),)


class TooLarge(Refusal):
    """The body exceeds the bound."""

    status = 413
    error = "request_too_large"


class TooManyCalls(Refusal):
    """The caller's tool calls exceed its rate."""

    status = 429
    error = "rate_limited"

    def __init__(self, retry_after: int, *, request_id: RequestId = None) -> None:
        super().__init__("too many tool calls; slow down", request_id=request_id)
        self.headers = ((b"retry-after", b"%d" % retry_after),)


class MalformedMessage(Refusal):
    """The body is not one well-formed JSON-RPC message that every parser reads alike."""

    rpc_code = -32600


class Unparseable(MalformedMessage):
    """The body is no JSON, or JSON that two parsers may read differently."""

    rpc_code = -32700


class UnknownTool(MalformedMessage):
    """The door has no scope for this tool, so nobody may call it."""

    rpc_code = -32602

    def __init__(self, description: str, *, tool: str = "", request_id: RequestId = None) -> None:
        super().__init__(description, detail=f"tool {tool!r:.80}" if tool else "", request_id=request_id)
        self.tool = tool[:80]


class HeaderMismatch(MalformedMessage):
    """An MCP routing header is missing, repeated, malformed or contradicts the body. MCP 2026-07-28."""

    rpc_code = -32020


class KeySourceError(Exception):
    """The authorization server's metadata or keys could not be had, or were not acceptable."""
