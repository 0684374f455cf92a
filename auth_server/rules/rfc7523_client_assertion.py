"""RFC 7523 — JWT client assertions, as narrowed by 7523bis: is this one sound, and meant for us?"""

import math
from collections.abc import Collection, Mapping

from auth_server.errors import InvalidClient
from auth_server.models import Claims

ALGORITHMS: tuple[str, ...] = (
    "ES256",
    "ES384",
    "ES512",
    "PS256",
    "PS384",
    "PS512",
    "RS256",
    "RS384",
    "RS512",
    "EdDSA",
    "Ed25519",
)
LEEWAY = 30
MAX_LIFETIME = 3600
_TYPES = {"jwt", "client-authentication+jwt"}
_LONGEST = 512


def check_header(header: Mapping[str, object], algorithms: Collection[str]) -> str:
    """The algorithm, when the header is acceptable. Raises InvalidClient. RFC 7515 §4.1, 7523bis §4."""
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms:
        raise InvalidClient("the assertion's alg is not allowed")
    typ = header.get("typ", "jwt")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in _TYPES:
        raise InvalidClient("the assertion's typ is not one of an assertion")
    if "crit" in header or "b64" in header:
        raise InvalidClient("the assertion's header has an extension that is not understood")
    return alg


def named_in(claims: Claims, name: str) -> str:
    """A claim that must be a short, non-empty string. Raises InvalidClient. §3."""
    value = claims.get(name)
    if not isinstance(value, str) or not value or len(value) > _LONGEST:
        raise InvalidClient(f"the assertion's {name} is missing or malformed")
    return value


def check_claims(claims: Claims, *, issuer: str, now: float, max_lifetime: int) -> int:
    """Accept the claims and say when the assertion expires. Raises InvalidClient. §3, 7523bis §4.

    Does not decide whose assertion it is, nor whether it was seen before.
    """
    _check_audience(claims.get("aud"), issuer)
    expires = _time(claims, "exp")
    if expires is None:
        raise InvalidClient("the assertion's exp is missing")
    if expires + LEEWAY <= now:
        raise InvalidClient("the assertion has expired")
    if expires > now + max_lifetime + LEEWAY:
        raise InvalidClient(f"the assertion's exp is too far away: {max_lifetime} seconds at most")
    for name in ("nbf", "iat"):
        begin = _time(claims, name)
        if begin is not None and begin > now + LEEWAY:
            raise InvalidClient(f"the assertion's {name} lies in the future")
    return math.ceil(expires)


def replay_id(claims: Claims, signing_input: str) -> str:
    """What makes this assertion one of a kind: its `jti`, else all that was signed. §3 item 7."""
    return signing_input if "jti" not in claims else "jti " + named_in(claims, "jti")


def _check_audience(aud: object, issuer: str) -> None:
    if aud not in (issuer, [issuer]):
        raise InvalidClient(f"the assertion's aud must be this issuer alone: {issuer}")


def _time(claims: Claims, name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not _sane(value):
        raise InvalidClient(f"the assertion's {name} is not a time")
    return float(value)


def _sane(value: float) -> bool:
    return 0 <= value < 2**53
