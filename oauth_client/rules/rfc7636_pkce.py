"""RFC 7636 — PKCE: the challenge of a verifier, and whether the server will hold a code against it."""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256

from oauth_client.errors import MethodNotOffered
from oauth_client.models import ServerMetadata

METHOD = "S256"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def check_offered(server: ServerMetadata) -> None:
    """Stop at a server that does not say it does S256. MCP, Authorization Code Protection; RFC 8414 §2."""
    if METHOD not in server.challenge_methods:
        said = ", ".join(server.challenge_methods) or "nothing"
        raise MethodNotOffered(
            f"{server.issuer} does not say that it protects codes by {METHOD} (code_challenge_methods_supported: "
            f"{said}); no authorization is asked for there"
        )


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier. ValueError for one that is none. §4.1, §4.2."""
    if not _VERIFIER.fullmatch(verifier):
        raise ValueError("a verifier is 43 to 128 unreserved characters")
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
