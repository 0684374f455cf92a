"""RFC 6750 — Bearer Token Usage: where in the request is the access token? OAuth 2.1 §5.1."""

import re
from urllib.parse import parse_qsl

from resource_server.errors import InvalidRequest, InvalidToken, NoToken
from resource_server.rules.rfc9110_fields import Fields

_B64TOKEN = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")
_HELP = "send the access token in one Authorization header: Bearer <token>"


def take_token(fields: Fields, query: bytes, *, max_length: int) -> bytes:
    """Take the one token from the one Authorization header. §2.1; the scheme's case is free (RFC 9110 §11.1).

    Raises NoToken, InvalidRequest (repeated, or a second one in the query) or InvalidToken (too long).
    Does not decide whether the token is any good.
    """
    if b"authorization" in fields.repeated:
        raise InvalidRequest("the Authorization header appears more than once")
    scheme, _, token = fields.get(b"authorization", b"").partition(b" ")
    token = token.strip(b" ")
    if scheme.lower() != b"bearer" or not token:
        raise NoToken(_HELP)
    if query and _has_query_token(query):
        raise InvalidRequest("the access token is sent in more than one way", detail="header and query")
    if len(token) > max_length:
        raise InvalidToken("the access token is too long")
    return token


def check_token(token: bytes) -> None:
    """Refuse what is no b64token. §2.1. Raises InvalidToken."""
    if _B64TOKEN.fullmatch(token) is None:
        raise InvalidToken("the access token is malformed")


def _has_query_token(query: bytes) -> bool:
    """Whether the query names `access_token`, however it is encoded. A token there is never used (OAuth 2.1 §5.1)."""
    if b"=" not in query:
        return False
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return any(name == "access_token" for name, _ in pairs)
