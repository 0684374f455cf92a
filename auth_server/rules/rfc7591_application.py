"""RFC 7591 §2 — Which metadata is acceptable from a client that people use, whoever wrote it down?

Holds for dynamic registration and for metadata documents alike. What this server does not offer is left out of what
is registered (§3.2.1: the server may replace values), so that one description serves a client everywhere.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Literal, TypeAlias, cast
from urllib.parse import urlsplit

from auth_server.errors import InvalidClientMetadata, InvalidRedirectUri
from auth_server.models import AUTHORIZATION_CODE, REFRESH_TOKEN, AuthMethod, Jwk
from auth_server.rules.oauth21_redirect_uri import check_registered, is_loopback
from auth_server.rules.rfc7591_registration import Metadata, keys_of, text_of

ApplicationType: TypeAlias = Literal["web", "native"]
_MOST_URIS = 20
_PORT = re.compile(r"^(http://(?:[a-z0-9.]+|\[::1\])):\d+")


@dataclass(frozen=True, kw_only=True)
class Application:
    """What is registered."""

    client_name: str
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    application_type: ApplicationType
    auth_method: AuthMethod
    jwks: tuple[Jwk, ...]
    client_uri: str


def check_application(metadata: Metadata) -> Application:
    """Accept the metadata of a client for people. §2, §3.2.2. Members not understood are ignored. §2.

    Raises InvalidClientMetadata, InvalidRedirectUri. Does not look into the keys.
    """
    uris = _redirect_uris(metadata)
    kind = _application_type(metadata, uris)
    for uri in uris:
        check_registered(uri, native=kind == "native")
    method = _auth_method(metadata)
    return Application(
        client_name=text_of(metadata, "client_name"),
        redirect_uris=uris,
        grant_types=_grant_types(metadata),
        application_type=kind,
        auth_method=method,
        jwks=_jwks(metadata, method),
        client_uri=_client_uri(metadata),
    )


def wants_people(metadata: Metadata) -> bool:
    """Whether a registration is for the code grant, and not one of a machine."""
    grants = metadata.get("grant_types")
    return "redirect_uris" in metadata or (isinstance(grants, list) and AUTHORIZATION_CODE in grants)


def software_hash(application: Application) -> str:
    """The same for the same software, wherever it runs: a loopback port is chosen anew each time."""
    uris = sorted({_PORT.sub(r"\1", uri) if is_loopback(uri) else uri for uri in application.redirect_uris})
    same = replace(application, redirect_uris=tuple(uris))
    return sha256(json.dumps(asdict(same), sort_keys=True).encode()).hexdigest()


def _redirect_uris(metadata: Metadata) -> tuple[str, ...]:
    listed = metadata.get("redirect_uris")
    if not isinstance(listed, list) or not 1 <= len(cast("list[object]", listed)) <= _MOST_URIS:
        raise InvalidRedirectUri(f"redirect_uris must list 1 to {_MOST_URIS} complete URIs")
    uris = tuple(uri for uri in cast("list[object]", listed) if isinstance(uri, str))
    if len(uris) != len(cast("list[object]", listed)):
        raise InvalidRedirectUri("redirect_uris holds something that is not a URI")
    return tuple(dict.fromkeys(uris))


def _application_type(metadata: Metadata, uris: tuple[str, ...]) -> ApplicationType:
    """What it says; a client that says nothing is what its URIs make it. OpenID Connect Registration §2."""
    said = metadata.get("application_type")
    if said is None:
        return "native" if any(map(is_loopback, uris)) else "web"
    if said not in ("web", "native"):
        raise InvalidClientMetadata("application_type must be web or native")
    return said


def _grant_types(metadata: Metadata) -> tuple[str, ...]:
    """Those that exist here, of those it asks for; code and its response type go together. §2.1."""
    grants = _strings(metadata, "grant_types", [AUTHORIZATION_CODE])
    responses = _strings(metadata, "response_types", ["code"])
    if AUTHORIZATION_CODE not in grants or "code" not in responses:
        raise InvalidClientMetadata("grant_types needs authorization_code, and response_types code: here is no other")
    return tuple(name for name in (AUTHORIZATION_CODE, REFRESH_TOKEN) if name in grants)


def _strings(metadata: Metadata, name: str, absent: list[str]) -> list[str]:
    value = metadata.get(name, absent)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in cast("list[object]", value)):
        raise InvalidClientMetadata(f"{name} must be a list of strings")
    return cast("list[str]", value)


def _auth_method(metadata: Metadata) -> AuthMethod:
    """A key where the client has one; otherwise none: a secret that everybody may fetch proves nothing. §3.2.1."""
    method = metadata.get("token_endpoint_auth_method", "none")
    if not isinstance(method, str):
        raise InvalidClientMetadata("token_endpoint_auth_method must be a string")
    return "private_key_jwt" if method == "private_key_jwt" else "none"


def _jwks(metadata: Metadata, method: AuthMethod) -> tuple[Jwk, ...]:
    if "jwks" in metadata and "jwks_uri" in metadata:
        raise InvalidClientMetadata("jwks and jwks_uri exclude each other")
    if method != "private_key_jwt":
        return ()
    if "jwks_uri" in metadata:
        raise InvalidClientMetadata("jwks_uri is not supported: write the keys themselves into jwks")
    return keys_of(metadata.get("jwks"))


def _client_uri(metadata: Mapping[str, object]) -> str:
    uri = text_of(metadata, "client_uri")
    try:
        sound = urlsplit(uri).scheme in ("https", "http") and bool(urlsplit(uri).hostname)
    except ValueError:
        sound = False
    if uri and not sound:
        raise InvalidClientMetadata("client_uri must be the URL of a web page")
    return uri
