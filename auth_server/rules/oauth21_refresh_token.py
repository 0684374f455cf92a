"""OAuth 2.1 §4.3 — Refresh tokens that rotate: which one counts, which one was stolen, which one was merely lost.

A token is `<permission id>.<secret><tag>`. Each is made from the one before with the family's key, so that a client
whose answer was lost gets the same one again, from any replica; the tag tells a retired token from an invented one.
"""

import base64
import hmac
import re
from dataclasses import replace
from hashlib import sha256
from typing import Literal, TypeAlias

from auth_server.errors import InvalidScope
from auth_server.people import Family
from auth_server.rules.rfc6749_scope import Implies, expand

IDLE = 14 * 86_400
ABSOLUTE = 90 * 86_400
GRACE = 10
_TAG_BYTES = 16
_ID = re.compile(r"[0-9a-f]{32}")
Verdict: TypeAlias = Literal["good", "lost", "retired", "unknown"]


def first(permission_id: str, secret: bytes, *, key: str, now: int) -> tuple[str, Family]:
    """The first token of a family, of 256 random bits, and the family."""
    token = _token(permission_id, secret, key)
    return token, Family(key=key, current=_hash(token), rotated=now)


def permission_of(text: str) -> str | None:
    """The permission that a code, a refresh token or a `jti` names, before anything of it is proved; None for none."""
    name, dot, _ = text.partition(".")
    return name if dot and _ID.fullmatch(name) else None


def judge(token: str, family: Family, *, now: float) -> Verdict:
    """What a presented token is. §4.3.1.

    "lost": the one before the current one, shortly after it was used, while its successor was not: a retry. Whoever
    uses a retired one otherwise shows that two hold the same token.
    """
    if hmac.compare_digest(_hash(token), family.current):
        return "good"
    if not _is_ours(token, family.key):
        return "unknown"
    if hmac.compare_digest(_hash(token), family.previous) and 0 <= now - family.rotated <= GRACE:
        return "lost"
    return "retired"


def is_idle(family: Family, *, now: float) -> bool:
    """Whether a family was not used for so long that it ends. §4.3.1."""
    return now - family.rotated > IDLE


def rotate(token: str, family: Family, *, now: int) -> Family:
    """The family after a good token was used."""
    return replace(family, current=_hash(successor(token, family)), previous=_hash(token), rotated=now)


def successor(token: str, family: Family) -> str:
    """The token that comes after one; nobody can make it without both the token and the family's key."""
    permission_id = token.partition(".")[0]
    return _token(permission_id, _mac(family.key, b"next " + token.encode()), family.key)


def narrow(requested: tuple[str, ...], granted: tuple[str, ...], implies: Implies) -> tuple[str, ...]:
    """The scopes of one refreshed access token: fewer than granted, never more. Raises InvalidScope. §4.3.1."""
    covered = expand(granted, implies)
    if wider := [scope for scope in requested if scope not in covered]:
        raise InvalidScope("this was not granted: " + " ".join(wider))
    return requested or granted


def _token(permission_id: str, secret: bytes, key: str) -> str:
    tagged = secret + _mac(key, b"tag " + secret)[:_TAG_BYTES]
    return f"{permission_id}.{base64.urlsafe_b64encode(tagged).decode()}"


def _is_ours(token: str, key: str) -> bool:
    try:
        tagged = base64.urlsafe_b64decode(token.partition(".")[2])
    except ValueError:
        return False
    secret, tag = tagged[:-_TAG_BYTES], tagged[-_TAG_BYTES:]
    return hmac.compare_digest(_mac(key, b"tag " + secret)[:_TAG_BYTES], tag)


def _mac(key: str, message: bytes) -> bytes:
    return hmac.digest(bytes.fromhex(key), message, sha256)


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
