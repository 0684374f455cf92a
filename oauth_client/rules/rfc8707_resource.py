"""RFC 8707 — Resource Indicators: which resource is a token for, and which requests may carry it?"""

import re
from urllib.parse import urlsplit

from oauth_client.errors import InvalidResource, shown

_ABSOLUTE = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/[!-~]*|\?[!-~]*)?")
_CLIMBS = re.compile(r"(?:^|[/\\]|%2f|%5c)(?:\.|%2e){2}(?:[/\\]|%2f|%5c|$)", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def check_resource(resource: str) -> str:
    """Accept a canonical resource identifier. §2; MCP, Canonical Server URI.

    Does not decide whether the server agrees that this is its name; its metadata does.
    """
    if "#" in resource:
        raise InvalidResource(f"resource {shown(resource)} has a fragment; RFC 8707 allows none")
    if not _ABSOLUTE.fullmatch(resource):
        raise InvalidResource(
            f"resource {shown(resource)} is not a canonical URL: http or https, lower-case host, no user, no spaces"
        )
    return resource


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, with the scheme's own port filled in. RFC 6454 §4."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def covers(resource: str, url: str) -> bool:
    """May a request to this URL carry a token for that resource: the same origin, at its path or below it?

    A path that climbs is at no known place.
    """
    if origin_of(resource) != origin_of(url):
        return False
    base = urlsplit(resource).path.rstrip("/")
    path = urlsplit(url).path
    if _CLIMBS.search(path):
        return False
    return path == base or path.startswith(f"{base}/")
