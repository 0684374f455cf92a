"""Secrets of 256 random bits: made here, kept only as SHA-256 hashes. A slow hash is for what people choose."""

import secrets
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest


def fresh_secret() -> str:
    """256 random bits in 43 characters that no encoding changes."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """The hash to keep, in hex."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def matches(secret: str, hashes: Iterable[str]) -> bool:
    """True when one of the hashes is of this secret; all are compared, in constant time."""
    presented, found = digest(secret), False
    for known in hashes:
        found |= compare_digest(presented, known)
    return found
