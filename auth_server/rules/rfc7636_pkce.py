"""RFC 7636 — PKCE: the challenge, and the verifier that answers it. S256 alone."""

import base64
import re
from hashlib import sha256
from hmac import compare_digest

from auth_server.errors import InvalidGrant, InvalidRequest

METHODS = ("S256",)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def check_challenge(challenge: str | None, method: str | None) -> str:
    """Accept the challenge of an authorization request. Raises InvalidRequest. §4.3, §4.4.1, OAuth 2.1 §4.1.1.

    Without a method it would be `plain`, which shows the verifier to whoever sees the request.
    """
    if challenge is None:
        raise InvalidRequest("code_challenge is required")
    if method not in METHODS:
        raise InvalidRequest("code_challenge_method must be S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("code_challenge is not an S256 challenge")
    return challenge


def check_verifier(verifier: str, challenge: str) -> None:
    """Accept the verifier of a token request. Raises InvalidGrant. §4.1, §4.6."""
    if not _VERIFIER.fullmatch(verifier) or not compare_digest(challenge_of(verifier), challenge):
        raise InvalidGrant("code_verifier does not fit the code_challenge")


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier. §4.2."""
    return base64.urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).decode().rstrip("=")
