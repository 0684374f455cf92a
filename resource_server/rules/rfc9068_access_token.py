"""RFC 9068 — JWT access tokens: are these sound claims? Decided after the signature, never before."""

from collections.abc import Mapping, Sequence
from typing import cast

from resource_server.errors import InvalidToken

_FURTHEST = 2**53
_LONGEST = 512


def check_issuer(claims: Mapping[str, object], issuer: str) -> None:
    """Refuse any issuer but ours, compared byte for byte. §4."""
    claimed = claims.get("iss")
    if claimed != issuer:
        hint = (
            " (one trailing slash apart)"
            if isinstance(claimed, str) and claimed.strip("/") == issuer.strip("/")
            else ""
        )
        raise InvalidToken(
            "the access token was not issued by this resource's authorization server",
            detail=f"iss {claimed!r:.200}, expected {issuer!r}{hint}",
        )


def check_times(claims: Mapping[str, object], *, now: float, leeway: float) -> float:
    """Refuse a token that is over, or from the future; return its `exp` in seconds. §4; RFC 7519 §4.1.4 to §4.1.6."""
    expires = _seconds(claims, "exp")
    if expires is None:
        raise InvalidToken("the access token never expires", detail="no exp")
    if now >= expires + leeway:
        raise InvalidToken("the access token has expired", detail=f"exp {expires}, now {now:.0f}")
    for name in ("nbf", "iat"):
        moment = _seconds(claims, name)
        if moment is not None and moment > now + leeway:
            raise InvalidToken("the access token is not valid yet", detail=f"{name} {moment}, now {now:.0f}")
    return expires


def check_name(claims: Mapping[str, object], *names: str) -> str:
    """The first of these claims that is there, which must be a non-empty string. §2.2, §2.2.1."""
    value = next((claims[name] for name in names if name in claims), None)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise InvalidToken("the access token lacks a required claim", detail=f"{' or '.join(names)} {value!r:.60}")
    return value


def check_not_bound(claims: Mapping[str, object]) -> None:
    """Refuse a token bound to a key (`cnf`) when it comes as a mere bearer token. RFC 7800 §3; RFC 9449 §7.2."""
    if "cnf" in claims:
        raise InvalidToken("the access token is bound to a key and is no bearer token", detail="cnf")


def scopes_of(claims: Mapping[str, object], names: Sequence[str]) -> frozenset[str]:
    """The scopes: `scope` is a string with spaces (§2.2.3, RFC 8693 §4.2), other claims may be lists too."""
    name = next((name for name in names if name in claims), "")
    value = claims.get(name, "")
    if isinstance(value, str):
        return frozenset(value.split(" ")) - {""}
    listed = cast("list[object]", value) if isinstance(value, list) and name != "scope" else [None]
    if not all(isinstance(scope, str) for scope in listed):
        raise InvalidToken("the access token's scope is malformed", detail=f"{name} {value!r:.60}")
    return frozenset(cast("list[str]", listed))


def _seconds(claims: Mapping[str, object], name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _FURTHEST:
        raise InvalidToken("the access token's times are malformed", detail=f"{name} {value!r:.60}")
    return value
