"""Host and Origin, against DNS rebinding and foreign pages; CORS answers for the origins that are welcome.

MCP transport, security warning. Nothing here authenticates anybody.
"""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.types import Message, Send

from resource_server.errors import ForeignOrigin, MisdirectedRequest
from resource_server.rules.rfc9110_fields import Fields

_LOOPBACK = re.compile(rb"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
_EXPOSED = b"WWW-Authenticate, Mcp-Session-Id, Retry-After"
_ASKABLE = (
    b"Authorization, Content-Type, Accept, Last-Event-ID, Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name"
)


class Origins:
    """Which names this server answers to, and which browser origins may speak to it."""

    def __init__(self, resource: str, hosts: Collection[str], origins: Collection[str]) -> None:
        parts = urlsplit(resource)
        self._hosts = frozenset(host.lower().encode() for host in (parts.netloc, *hosts))
        own = f"{parts.scheme}://{parts.netloc}"
        self._origins = frozenset(origin.lower().encode() for origin in (own, *origins))

    def check_host(self, fields: Fields) -> None:
        """Refuse a Host that is not ours. Loopback names are: no page can rebind those. Raises MisdirectedRequest."""
        host = fields.get(b"host", b"").lower()
        known = host in self._hosts or _LOOPBACK.fullmatch(host)
        if not known or b"host" in fields.repeated:
            sent = fields.all(b"host")
            raise MisdirectedRequest("this server does not answer to that Host", detail=f"Host {sent!r:.200}")

    def check_origin(self, fields: Fields) -> bytes | None:
        """The welcome Origin, or None when there is none at all. Raises ForeignOrigin."""
        origin = fields.get(b"origin")
        if origin is not None and (origin.lower() not in self._origins or b"origin" in fields.repeated):
            sent = fields.all(b"origin")
            raise ForeignOrigin("requests from that Origin are not accepted", detail=f"Origin {sent!r:.200}")
        return origin


def with_cors(send: Send, origin: bytes) -> Send:
    """Let the page of a welcome origin read the answer, its challenge included; an app's own CORS headers win."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            if not any(name.lower() == b"access-control-allow-origin" for name, _ in headers):
                headers += [
                    (b"access-control-allow-origin", origin),
                    (b"access-control-expose-headers", _EXPOSED),
                    (b"vary", b"Origin"),
                ]
            message = {**message, "headers": headers}
        await send(message)

    return sending


async def answer_preflight(send: Send) -> None:
    """Tell a welcome origin what it may ask. A preflight carries no token, and gets nothing but this."""
    headers = [
        (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
        (b"access-control-allow-headers", _ASKABLE),
        (b"access-control-max-age", b"600"),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
