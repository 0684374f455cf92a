"""RFC 7591 — Dynamic registration: which client metadata is acceptable, from a machine that was invited?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from auth_server.errors import InvalidClientMetadata, InvalidRedirectUri
from auth_server.models import CLIENT_CREDENTIALS, AuthMethod, Invitation, Jwk
from auth_server.rules.rfc6749_scope import is_scope_token

Metadata = Mapping[str, object]
_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
_LONGEST_NAME = 200
_MOST_KEYS = 10


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a machine asked for and may have."""

    client_name: str
    auth_method: AuthMethod
    resources: Mapping[str, tuple[str, ...]]
    jwks: tuple[Jwk, ...]


def check_metadata(metadata: Metadata, invitation: Invitation) -> Registration:
    """Accept the metadata of a client_credentials client. §2, §3.2.2. Members not understood are ignored. §2.

    Raises InvalidClientMetadata, InvalidRedirectUri. Does not look into the keys.
    """
    _check_flow(metadata)
    method = _auth_method(metadata)
    return Registration(
        client_name=text_of(metadata, "client_name"),
        auth_method=method,
        resources=_narrowed(text_of(metadata, "scope"), invitation),
        jwks=_jwks(metadata, method),
    )


def _check_flow(metadata: Metadata) -> None:
    """An invited machine gets one grant; RFC 7591's default, the code grant, would be of no use to it. §2."""
    if metadata.get("redirect_uris"):
        raise InvalidRedirectUri("a client_credentials client has no redirect_uris")
    if metadata.get("grant_types", [CLIENT_CREDENTIALS]) != [CLIENT_CREDENTIALS]:
        raise InvalidClientMetadata("grant_types must be client_credentials alone")
    if metadata.get("response_types", []) != []:
        raise InvalidClientMetadata("response_types must be empty for client_credentials")


def _auth_method(metadata: Metadata) -> AuthMethod:
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    if method not in _METHODS:
        raise InvalidClientMetadata("token_endpoint_auth_method must be one of " + ", ".join(_METHODS))
    return method


def text_of(metadata: Metadata, name: str) -> str:
    """A text for people, empty when there is none. Raises InvalidClientMetadata. §2."""
    value = metadata.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or not value.isprintable():
        raise InvalidClientMetadata(f"{name} must be a string of at most {_LONGEST_NAME} printable characters")
    return value


def _narrowed(scope: str, invitation: Invitation) -> Mapping[str, tuple[str, ...]]:
    """The invitation's resources with the asked scopes alone; all of them when none is asked."""
    if not scope:
        return invitation.resources
    asked = scope.split(" ")
    invited = {name for names in invitation.resources.values() for name in names}
    if not all(is_scope_token(name) and name in invited for name in asked):
        raise InvalidClientMetadata("scope is malformed or wider than the invitation")
    narrowed = {uri: tuple(name for name in names if name in asked) for uri, names in invitation.resources.items()}
    return {uri: names for uri, names in narrowed.items() if names}


def _jwks(metadata: Metadata, method: AuthMethod) -> tuple[Jwk, ...]:
    if "jwks" in metadata and "jwks_uri" in metadata:
        raise InvalidClientMetadata("jwks and jwks_uri exclude each other")
    if "jwks_uri" in metadata:
        raise InvalidClientMetadata("jwks_uri is not supported: send the keys themselves as jwks")
    if method != "private_key_jwt":
        if "jwks" in metadata:
            raise InvalidClientMetadata("jwks is for token_endpoint_auth_method private_key_jwt")
        return ()
    return keys_of(metadata.get("jwks"))


def keys_of(jwks: object) -> tuple[Jwk, ...]:
    """The keys of a JWK Set. Raises InvalidClientMetadata. RFC 7517 §5."""
    keys = cast("Mapping[str, object]", jwks).get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not 1 <= len(cast("list[object]", keys)) <= _MOST_KEYS:
        raise InvalidClientMetadata(f"jwks must be a JWK Set of 1 to {_MOST_KEYS} public keys")
    if not all(isinstance(key, dict) for key in cast("list[object]", keys)):
        raise InvalidClientMetadata("jwks holds something that is not a key")
    return tuple(cast("list[Jwk]", keys))
