"""OpenID Connect Core §2, §3.1.3.6, §5 — What a client is told about the person who signed in."""

import base64
from collections.abc import Collection
from hashlib import sha256

from auth_server.models import Claims, SigningAlg
from auth_server.people import SignedIn

ALGORITHM: SigningAlg = "RS256"
"""The one algorithm that every OpenID client knows. §15.1."""
LIFETIME = 300
NAMES = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "preferred_username")
PERSONAL = ("openid", "profile")
"""The scopes that mean something at userinfo. §5.4."""
_HALF = 16


def claims_of(signed_in: SignedIn, *, issuer: str, client_id: str, now: int, access_token: str) -> Claims:
    """The claims of an ID token: for the client alone, and bound to the access token beside it. §2, §3.1.3.6."""
    return {
        "iss": issuer,
        "sub": signed_in.subject,
        "aud": client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "auth_time": signed_in.auth_time,
        "at_hash": at_hash(access_token),
        **({} if signed_in.nonce is None else {"nonce": signed_in.nonce}),
    }


def at_hash(access_token: str) -> str:
    """The left half of the access token's SHA-256. §3.1.3.6."""
    return base64.urlsafe_b64encode(sha256(access_token.encode("ascii")).digest()[:_HALF]).decode().rstrip("=")


def userinfo(subject: str, name: str, scopes: Collection[str]) -> Claims:
    """What a token with these scopes is told of its person. §5.3.2, §5.4."""
    return {"sub": subject, **({"preferred_username": name} if "profile" in scopes else {})}
