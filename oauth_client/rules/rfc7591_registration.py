"""RFC 7591 — dynamic registration: what a person's own client says about itself, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from oauth_client.errors import RegistrationRefused, shown
from oauth_client.models import Document, ServerMetadata
from oauth_client.rules.rfc6749_client_auth import BASIC, POST

NONE = "none"
_METHODS = (NONE, BASIC, POST)
_CREATED = (200, 201)


@dataclass(frozen=True, kw_only=True)
class Registered:
    """What an authorization server knows this client by."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    method: str = NONE
    management_uri: str = field(default="", repr=False)
    management_token: str = field(default="", repr=False)


def registration(server: ServerMetadata, name: str, redirect_uri: str) -> dict[str, str | list[str]]:
    """The metadata of a native client that refreshes. §2; OpenID Connect Registration §2.

    Without a secret where the server takes that: one that is handed to anybody proves nothing.
    """
    return {
        "client_name": name,
        "application_type": "native",
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": _method(server),
    }


def read_registration(
    status: int, document: Document | None, asked: Mapping[str, str | list[str]], where: str
) -> Registered:
    """Accept a registration that still is the one asked for. §3.2.1. Raises RegistrationRefused. §3.2.2."""
    if document is None or status not in _CREATED:
        raise RegistrationRefused(f"{where} did not register this client: {_why(status, document)}")
    client_id = document.text("client_id")
    if not client_id:
        raise RegistrationRefused(f"{where} registered this client under no client_id")
    uris = document.strings("redirect_uris")
    if uris and not set(uris).issuperset(asked["redirect_uris"]):
        raise RegistrationRefused(f"{where} registered other redirect URIs: {', '.join(map(shown, uris))}")
    method = document.text("token_endpoint_auth_method") or str(asked["token_endpoint_auth_method"])
    secret = document.text("client_secret")
    if method not in _METHODS or (method != NONE and not secret):
        raise RegistrationRefused(f"{where} wants {shown(method)} of this client, which it cannot do")
    return Registered(
        client_id=client_id,
        client_secret=secret,
        method=method,
        management_uri=document.text("registration_client_uri"),
        management_token=document.text("registration_access_token"),
    )


def _method(server: ServerMetadata) -> str:
    return next((method for method in _METHODS if method in server.auth_methods), NONE)


def _why(status: int, document: Document | None) -> str:
    """A refusal of the redirect URI in particular: that is where native clients are refused. MCP, CL-21."""
    if document is None:
        return f"{status} with no JSON object"
    error, description = document.text("error"), document.text("error_description")
    said = f"{status} {shown(error)}{f' ({shown(description)})' if description else ''}"
    if error == "invalid_redirect_uri":
        said += "; it takes no loopback redirect, so have a client pre-registered there"
    return said
