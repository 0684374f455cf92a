"""What the door itself answers: the protected-resource metadata, whether it is ready, and its refusals."""

import json
from collections.abc import Callable

from starlette.types import Scope, Send

from resource_server.errors import InsufficientScope, NoToken, Refusal
from resource_server.rules.rfc6750_challenge import challenge_of
from resource_server.rules.rfc9728_metadata import WELL_KNOWN, metadata_of, metadata_path, metadata_url
from resource_server.settings import Settings

_JSON = (b"content-type", b"application/json")
_UNKEPT = (b"cache-control", b"no-store")
_LOOKS, _ALLOWS_LOOKS = frozenset({"GET", "HEAD"}), (b"allow", b"GET, HEAD")
_OPEN_TO_ALL = ((b"access-control-allow-origin", b"*"), (b"cache-control", b"public, max-age=300"))


class Metadata:
    """The RFC 9728 document at the path-inserted URL and at the root one, made once."""

    def __init__(self, settings: Settings) -> None:
        document = metadata_of(settings.resource, issuer=settings.issuer, scopes=settings.scopes, name=settings.name)
        self.paths = frozenset({metadata_path(settings.resource), WELL_KNOWN})
        self._body = json.dumps(document).encode()

    async def answer(self, scope: Scope, send: Send) -> None:
        """GET and HEAD, for anyone from anywhere: it says nothing that is not public. RFC 9728 §3.1, §3.2."""
        if scope["method"] not in _LOOKS:
            return await answer(send, scope, 405, b"", (*_OPEN_TO_ALL[:1], _ALLOWS_LOOKS))
        return await answer(send, scope, 200, self._body, (_JSON, *_OPEN_TO_ALL))


class Readiness:
    """Whether this replica should be sent requests: without the issuer's keys it could only refuse them."""

    def __init__(self, settings: Settings, ready: Callable[[], bool]) -> None:
        self._ready = ready
        self._waits_for = f"the keys of {settings.issuer}"

    async def answer(self, scope: Scope, send: Send) -> None:
        """GET and HEAD: 200 once the keys are known, and from then on; 503 before, with what is waited for."""
        if scope["method"] not in _LOOKS:
            return await answer(send, scope, 405, b"", (_ALLOWS_LOOKS,))
        ready = self._ready()
        body = {"status": "ok"} if ready else {"status": "not ready", "waits_for": self._waits_for}
        return await answer(send, scope, 200 if ready else 503, json.dumps(body).encode(), (_JSON, _UNKEPT))


class Refusals:
    """Writes every refusal in one place: status, challenge, and a body that an MCP client can show."""

    def __init__(self, settings: Settings) -> None:
        self._metadata_url = metadata_url(settings.resource)
        self._baseline = tuple(settings.scopes)
        self._speaks_rpc = settings.tools is not None

    async def answer(self, refusal: Refusal, scope: Scope, send: Send) -> None:
        """Tell the client what is wrong and how to do better; `detail` stays here."""
        headers = [_JSON, _UNKEPT, *refusal.headers]
        if refusal.challenged:
            headers.append((b"www-authenticate", self._challenge(refusal)))
        rpc = self._speaks_rpc and scope["method"] == "POST"
        body = _rpc_error(refusal) if rpc else _oauth_error(refusal)
        await answer(send, scope, refusal.status, json.dumps(body).encode(), tuple(headers))

    def _challenge(self, refusal: Refusal) -> bytes:
        return challenge_of(
            metadata_url=self._metadata_url,
            scopes=refusal.scopes if isinstance(refusal, InsufficientScope) else self._baseline,
            error=refusal.error,
            description=refusal.description,
        )


def _oauth_error(refusal: Refusal) -> dict[str, object]:
    error = "unauthorized" if isinstance(refusal, NoToken) else refusal.error
    return {"error": error, "error_description": refusal.description}


def _rpc_error(refusal: Refusal) -> dict[str, object]:
    data = _oauth_error(refusal)
    if isinstance(refusal, InsufficientScope):
        data["scope"] = " ".join(refusal.scopes)
    error = {"code": refusal.rpc_code, "message": refusal.description, "data": data}
    return {"jsonrpc": "2.0", "id": refusal.request_id, "error": error}


async def answer(send: Send, scope: Scope, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """One whole response; HEAD gets its headers alone."""
    sized = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
