"""RFC 9728 — Protected Resource Metadata: who may issue tokens for this resource?"""

from collections.abc import Collection
from urllib.parse import urlsplit

from oauth_client.errors import DiscoveryFailed, IssuerChanged, IssuerNotListed, ResourceMismatch
from oauth_client.models import Document, ResourceMetadata

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


def well_known_urls(resource: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Where a resource's document may be, in order, each with the identifiers it may bear there. §3.1, §3.3.

    The root form names the bare origin, or, as MCP servers use it, their one endpoint.
    """
    parts = urlsplit(resource)
    origin = f"{parts.scheme}://{parts.netloc}"
    query = f"?{parts.query}" if parts.query else ""
    path = parts.path if parts.path != "/" else ""
    inserted = (f"{origin}{_WELL_KNOWN}{path}{query}", (resource,))
    if not path and not query:
        return (inserted,)
    return inserted, (f"{origin}{_WELL_KNOWN}", (resource, origin, f"{origin}/"))


def read_metadata(document: Document, identifiers: Collection[str], where: str) -> ResourceMetadata:
    """Accept a document only when it is about the resource that was asked for, byte for byte. §3.3, §7.3."""
    found = document.text("resource")
    if found not in identifiers:
        raise ResourceMismatch(next(iter(identifiers)), found, where)
    issuers = document.strings("authorization_servers")
    if not issuers:
        raise DiscoveryFailed(f"authorization server for {found}", [(where, "authorization_servers is empty")])
    return ResourceMetadata(
        resource=found,
        authorization_servers=issuers,
        scopes_supported=document.strings("scopes_supported"),
        where=where,
    )


def choose_issuers(metadata: ResourceMetadata, *, pinned: str | None, bound: str | None) -> tuple[str, ...]:
    """The issuers to try, in order: the pinned one, the one the credentials belong to, or those listed. §7.6.

    Does not decide whether an issuer's own metadata is sound; RFC 8414 does.
    """
    listed = metadata.authorization_servers
    if pinned is not None:
        if pinned not in listed:
            raise IssuerNotListed(pinned, listed, metadata.where)
        return (pinned,)
    if bound is not None:
        if bound not in listed:
            raise IssuerChanged(bound, listed, metadata.resource)
        return (bound,)
    return listed
