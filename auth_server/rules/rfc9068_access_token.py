"""RFC 9068 — JWT access tokens: the header and the claims."""

from collections.abc import Mapping

from auth_server.models import Grant

TYP = "at+jwt"


def machine_subject(client_id: str) -> str:
    """The `sub` of a client that acts for itself: no user id has a colon, so the two never collide. §2.2, §5."""
    return f"client:{client_id}"


def claims_of(grant: Grant, *, issuer: str, now: int, jti: str) -> Mapping[str, str | int]:
    """The claims of an access token; `aud` is one string, for one resource. §2.2, §3."""
    return {
        "iss": issuer,
        "aud": grant.resource.uri,
        "sub": grant.subject,
        "client_id": grant.client_id,
        "scope": " ".join(grant.scopes),
        "iat": now,
        "exp": now + grant.resource.token_lifetime,
        "jti": jti,
    }
