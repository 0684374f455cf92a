"""Makes clients at run time: their id, their secret or their keys."""

import secrets
from collections.abc import Mapping

from auth_server.errors import InvalidClientMetadata
from auth_server.hashing import digest, fresh_secret
from auth_server.jose import check_public
from auth_server.models import AuthMethod, Client, Jwk
from auth_server.rules.rfc7591_registration import Registration

_ID_BYTES = 16


def fresh_client_id() -> str:
    """An id that nobody else has."""
    return secrets.token_hex(_ID_BYTES)


def enrol(registration: Registration, *, now: int) -> tuple[Client, str | None]:
    """The client of a registration, and its secret if it has one. Raises InvalidClientMetadata for unusable keys."""
    return new_client(
        fresh_client_id(),
        client_name=registration.client_name,
        resources=registration.resources,
        auth_method=registration.auth_method,
        jwks=registration.jwks,
        now=now,
    )


def new_client(
    client_id: str,
    *,
    client_name: str,
    resources: Mapping[str, tuple[str, ...]],
    auth_method: AuthMethod,
    jwks: tuple[Jwk, ...],
    now: int,
) -> tuple[Client, str | None]:
    """A client with a new secret, or with its keys. Raises InvalidClientMetadata for unusable keys."""
    for key in jwks:
        _check_key(key)
    secret = None if auth_method == "private_key_jwt" else fresh_secret()
    client = Client(
        client_id=client_id,
        client_name=client_name,
        auth_method=auth_method,
        resources=resources,
        secret_hashes=() if secret is None else (digest(secret),),
        jwks=jwks,
        created=now,
    )
    return client, secret


def _check_key(key: Jwk) -> None:
    try:
        check_public(key)
    except ValueError as error:
        raise InvalidClientMetadata(f"jwks: {error}") from None
