"""Client ID Metadata Documents — a client whose identifier is the URL of its description."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from oauth_client.errors import CredentialsUnusable, shown
from oauth_client.models import Document

_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_SECRETS = ("client_secret", "client_secret_expires_at")
_SHARED = ("client_secret_basic", "client_secret_post", "client_secret_jwt")


def check_document_url(url: str, *, loopback: bool = False) -> str:
    """Accept a URL as client identifier: https, a path, no fragment, no user, no dot segments. §3.

    `loopback`: http too, for development. Raises CredentialsUnusable.
    """
    try:
        parts = urlsplit(url)
        here = loopback and parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}
        sound = bool(parts.hostname) and (parts.scheme == "https" or here)
    except ValueError:
        raise CredentialsUnusable(f"{shown(url)} is no URL") from None
    if not sound or "@" in parts.netloc or "#" in url or not parts.path.strip("/") or _DOTS.search(parts.path):
        raise CredentialsUnusable(
            f"{shown(url)} cannot be a client identifier: https, with a path, no user, no fragment, no dot segments"
        )
    return url


def client_document(url: str, name: str, redirect_uris: Sequence[str]) -> dict[str, object]:
    """What is to be found at that URL: no secret in it, and nothing that needs one. §4.1."""
    return {
        "client_id": url,
        "client_name": name,
        "application_type": "native",
        "redirect_uris": list(redirect_uris),
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }


def check_document(document: Document, url: str) -> None:
    """Refuse a description that servers would refuse. §4.1. Raises CredentialsUnusable."""
    if document.text("client_id") != url:
        raise CredentialsUnusable(f"the document at {url} says its client_id is {shown(document.text('client_id'))}")
    if not document.text("client_name") or not document.strings("redirect_uris"):
        raise CredentialsUnusable(f"the document at {url} lacks client_name or redirect_uris")
    shared = document.text("token_endpoint_auth_method") in _SHARED
    if shared or any(member in document.members for member in _SECRETS):
        raise CredentialsUnusable(f"the document at {url} speaks of a secret that everybody could read")
