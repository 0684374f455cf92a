"""RFC 9068 — JWT access tokens: the header and the claims."""

from auth_server.models import Claims, Grant

TYP = "at+jwt"


def machine_subject(client_id: str) -> str:
    """The `sub` of a client that acts for itself: no user id has a colon, so the two never collide. §2.2, §5."""
    return f"client:{client_id}"


def client_of(subject: str) -> str | None:
    """The client that such a `sub` names; None for a person's."""
    kind, _, client_id = subject.partition(":")
    return client_id if kind == "client" and client_id else None


def claims_of(grant: Grant, *, issuer: str, now: int, jti: str) -> Claims:
    """The claims of an access token; `aud` is one string, for one resource. §2.2, §3; `act`: RFC 8693 §4.1."""
    expires = now + grant.resource.token_lifetime
    return {
        "iss": issuer,
        "aud": grant.resource.uri,
        "sub": grant.subject,
        "client_id": grant.client_id,
        "scope": " ".join(grant.scopes),
        "iat": now,
        "exp": expires if grant.expires is None else min(expires, grant.expires),
        "jti": jti,
        **({} if grant.act is None else {"act": grant.act}),
    }
