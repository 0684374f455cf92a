"""RFC 9728 — Protected Resource Metadata: where a token for this server is to be had."""

from collections.abc import Sequence
from urllib.parse import urlsplit

WELL_KNOWN = "/.well-known/oauth-protected-resource"


def metadata_path(resource: str) -> str:
    """The well-known segment between host and path. §3.1: only a slash that follows the host is dropped."""
    path = urlsplit(resource).path
    return WELL_KNOWN + ("" if path == "/" else path)


def metadata_url(resource: str) -> str:
    """Where clients find the document: from the configured name, never from a request. §3, §7.3."""
    parts = urlsplit(resource)
    return f"{parts.scheme}://{parts.netloc}{metadata_path(resource)}"


def metadata_of(resource: str, *, issuer: str, scopes: Sequence[str], name: str = "") -> dict[str, str | list[str]]:
    """The document; members without a value stay out. §2, §3.2. `scopes` is the baseline, not the catalogue (§7.2)."""
    members: dict[str, str | list[str]] = {
        "resource": resource,
        "authorization_servers": [issuer],
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header"],
        "resource_name": name,
    }
    return {member: value for member, value in members.items() if value}
