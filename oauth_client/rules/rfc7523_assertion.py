"""RFC 7523 and its revision — the client assertion: a signed statement in place of a secret."""

from collections.abc import Sequence

from oauth_client.errors import MethodNotOffered
from oauth_client.models import ServerMetadata

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHOD = "private_key_jwt"
TYP = "client-authentication+jwt"
LIFETIME = 60


def assertion_claims(client_id: str, issuer: str, *, now: int, jti: str) -> dict[str, str | int]:
    """Who speaks, to which issuer alone, once, and only now. RFC 7523 §3; 7523bis §4."""
    return {
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": jti,
    }


def choose_algorithm(server: ServerMetadata, able: Sequence[str]) -> str:
    """The first algorithm of our key that the server verifies; a server that names none gets our first. RFC 8414 §2."""
    for alg in able:
        if alg in server.signing_algs or not server.signing_algs:
            return alg
    verified = ", ".join(server.signing_algs)
    raise MethodNotOffered(f"{server.issuer} verifies {verified}; this client's key signs {', '.join(able)}")


def assertion_form(client_id: str, assertion: str) -> dict[str, str]:
    """The parameters that carry it. RFC 7523 §2.2; RFC 7521 §4.2."""
    return {"client_id": client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
