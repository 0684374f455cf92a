"""RFC 6750 — Bearer Token Usage: where in the request is the access token? OAuth 2.1 §5.1."""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from resource_server.errors import InvalidRequest, InvalidToken, NoToken

_B64TOKEN = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")
_HELP = "send the access token in one Authorization header: Bearer <token>"


def take_token(headers: Iterable[tuple[bytes, bytes]], query: bytes, *, max_length: int) -> bytes:
    """Take the one token from the one Authorization header. §2.1; the scheme's case is free (RFC 9110 §11.1).

    Raises NoToken, InvalidRequest (repeated, or a second one in the query) or InvalidToken (not a b64token, too long).
    Does not decide whether the token is any good.
    """
    fields = [value for name, value in headers if name == b"authorization"]
    if len(fields) > 1:
        raise InvalidRequest("the Authorization header appears more than once")
    scheme, _, token = fields[0].partition(b" ") if fields else (b"", b"", b"")
    token = token.strip(b" ")
    if scheme.lower() != b"bearer" or not token:
        raise NoToken(_HELP)
    if query and _has_query_token(query):
        raise InvalidRequest("the access token is sent in more than one way", detail="header and query")
    if len(token) > max_length:
        raise InvalidToken("the access token is too long")
    if _B64TOKEN.fullmatch(token) is None:
        raise InvalidToken("the access token is malformed")
    return token


def _has_query_token(query: bytes) -> bool:
    """Whether the query names `access_token`, however it is encoded. A token there is never used (OAuth 2.1 §5.1)."""
    if b"=" not in query:
        return False
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return any(name == "access_token" for name, _ in pairs)
