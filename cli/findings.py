"""What each part of an access token says, and whether it may be believed: pure, a finding a claim. RFC 9068 §2, §4."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_EXPLAINED: Final = {
    "sub": "who it speaks for",
    "client_id": "the client it was issued to",
    "scope": "what it allows",
    "jti": "this token's own number",
    "iat": "issued",
    "exp": "good until",
    "act": "who acts for the subject, and for whom they act in turn (RFC 8693)",
    "nbf": "not good before",
}
_REQUIRED: Final = ("iss", "aud", "exp", "iat", "sub", "client_id", "jti")
_TIMES: Final = ("iat", "nbf", "exp")
ASYMMETRIC: Final = ("ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing about a token. `ok` is None when it was not judged."""

    name: str
    value: Any
    ok: bool | None
    meaning: str


def judge_header(header: Mapping[str, Any]) -> list[Finding]:
    """Its type and algorithm. RFC 9068 §2.1, §4."""
    kind, alg = header.get("typ"), header.get("alg")
    is_access_token = str(kind).lower().removeprefix("application/") == "at+jwt"
    return [
        Finding(name="typ", value=kind, ok=is_access_token, meaning=_type_in_words(is_access_token)),
        Finding(
            name="alg",
            value=alg,
            ok=alg in ASYMMETRIC,
            meaning="signed with a private key"
            if alg in ASYMMETRIC
            else "not an asymmetric signature: never acceptable",
        ),
    ]


def judge_issuer(value: Any, trusted: str) -> Finding:
    """Byte for byte the issuer that is trusted. RFC 9068 §4."""
    same = value == trusted
    meaning = "the issuer you trust" if same else f"not the issuer you trust, {trusted}: name another with --issuer"
    return Finding(name="iss", value=value, ok=same, meaning=meaning)


def judge_audience(value: Any, resource: str | None) -> Finding:
    """One audience, and the one that was meant. RFC 8707 §2, RFC 9068 §4."""
    if not isinstance(value, str) or not value:
        return Finding(name="aud", value=value, ok=False, meaning="must name exactly one resource")
    if resource is None:
        return Finding(name="aud", value=value, ok=None, meaning="good there and nowhere else (--resource compares it)")
    same = value == resource
    return Finding(name="aud", value=value, ok=same, meaning="the resource you named" if same else f"not {resource}")


def judge_claims(claims: Mapping[str, Any], now: float) -> list[Finding]:
    """Times, names and scope; a claim that must be there and is not. RFC 9068 §2.2."""
    present = [name for name in _EXPLAINED if name in claims or name in _REQUIRED]
    return [_judge_claim(name, claims.get(name), now) for name in present]


def is_good(findings: Sequence[Finding]) -> bool:
    """Nothing speaks against it."""
    return all(finding.ok is not False for finding in findings)


def _judge_claim(name: str, value: Any, now: float) -> Finding:
    if name in _TIMES and value is not None:
        return _judge_time(name, value, now)
    if value is None or value == "":
        return Finding(name=name, value=value, ok=False, meaning=f"missing: {_EXPLAINED[name]}")
    return Finding(name=name, value=value, ok=True, meaning=_EXPLAINED[name])


def _judge_time(name: str, value: Any, now: float) -> Finding:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return Finding(name=name, value=value, ok=False, meaning="must be a number of seconds")
    ok = value > now if name == "exp" else value <= now
    clock = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(value))
    return Finding(name=name, value=value, ok=ok, meaning=f"{_EXPLAINED[name]} {clock}, {_distance(value - now)}")


def _distance(seconds: float) -> str:
    minutes, rest = divmod(round(abs(seconds)), 60)
    words = f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"in {words}" if seconds > 0 else f"{words} ago"


def _type_in_words(is_access_token: bool) -> str:  # noqa: FBT001  a fact, not a switch
    return "a JWT access token (RFC 9068)" if is_access_token else "not an access token: must be at+jwt (RFC 9068)"
