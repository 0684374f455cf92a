"""OAuth Client ID Metadata Document — Which URL may be a client id, and what must stand there?

Does not decide how the document is fetched, nor how long it may be kept.
"""

import json
import re
from typing import cast

from auth_server.errors import InvalidClient, InvalidClientMetadata, InvalidRedirectUri
from auth_server.models import Client, DocumentPolicy
from auth_server.rules.oauth21_redirect_uri import is_loopback
from auth_server.rules.rfc7591_application import Application, check_application
from auth_server.rules.rfc7591_registration import Metadata

_LONGEST = 512
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?P<path>/[^?#\s\\]+)(?:\?[^#\s\\]*)?"
)
_DOTS = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)


def is_url(client_id: str) -> bool:
    """Whether a client id means a document. MCP Authorization, Client ID Metadata Documents."""
    return client_id.startswith(("https://", "http://"))


def host_of(client_id: str, *, loopback: bool) -> str:
    """Accept a URL as a client id; its host. §3. Raises InvalidClient. `loopback` lets plain http through."""
    found = _URL.fullmatch(client_id) if len(client_id) <= _LONGEST and client_id.isascii() else None
    if found is None or (found["scheme"] != "https" and not loopback):
        raise InvalidClient("a client id that is a URL is https, in lower case, with a path and no fragment or user")
    if any(_DOTS.fullmatch(segment) for segment in found["path"].split("/")):
        raise InvalidClient("a client id that is a URL has no dot segments")
    return found["host"]


def check_trusted(host: str, policy: DocumentPolicy) -> None:
    """Whether documents of this host count here. §6.8. Raises InvalidClient."""
    if any(_fits(host, pattern) for pattern in policy.refuse):
        raise InvalidClient("clients of this domain are not accepted here", detail="refused domain")
    if not any(_fits(host, pattern) for pattern in policy.accept):
        raise InvalidClient("clients of this domain are not accepted here", detail="not an accepted domain")


def check_document(body: bytes, url: str) -> Client:
    """The client that a document describes. §4.1, §6.2. Raises InvalidClient, which says what is wrong with it.

    `proven`: a code can only go where its owner receives it, or only its owner can redeem it.
    """
    try:
        application = _application(_object(body), url)
    except (InvalidClientMetadata, InvalidRedirectUri) as refused:
        raise InvalidClient(f"the client's metadata document: {refused.description}", detail="document") from None
    return client_of(
        url,
        application,
        proven=application.auth_method == "private_key_jwt" or not any(map(is_loopback, application.redirect_uris)),
    )


def client_of(client_id: str, application: Application, *, proven: bool = False, created: int = 0) -> Client:
    """The client that is known by this id, who may reach whatever a person allows."""
    return Client(
        client_id=client_id,
        client_name=application.client_name,
        auth_method=application.auth_method,
        grant_types=application.grant_types,
        resources={},
        any_resource=True,
        redirect_uris=application.redirect_uris,
        client_uri=application.client_uri,
        proven=proven,
        jwks=application.jwks,
        created=created,
    )


def _fits(host: str, pattern: str) -> bool:
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _object(body: bytes) -> Metadata:
    try:
        value: object = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise InvalidClientMetadata("it is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidClientMetadata("it is not a JSON object")
    return cast("Metadata", value)


def _application(document: Metadata, url: str) -> Application:
    if document.get("client_id") != url:
        raise InvalidClientMetadata("its client_id is not the URL it stands at")
    if not document.get("client_name") or "redirect_uris" not in document:
        raise InvalidClientMetadata("client_name and redirect_uris are required")
    if "client_secret" in document or "client_secret_expires_at" in document:
        raise InvalidClientMetadata("it holds a secret, and everybody can read it")
    if str(document.get("token_endpoint_auth_method", "none")) not in ("none", "private_key_jwt"):
        raise InvalidClientMetadata("token_endpoint_auth_method is none or private_key_jwt")
    return check_application(document)
