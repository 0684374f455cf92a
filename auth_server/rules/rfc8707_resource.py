"""RFC 8707 — Resource Indicators: for which MCP server may this token be used?"""

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from auth_server.errors import InvalidTarget


def canonical(uri: str) -> str:
    """The URI with scheme and host in lower case, nothing else touched. RFC 3986 §6.2.2.1.

    Raises InvalidTarget when it is not an absolute URI or has a fragment. §2.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise InvalidTarget("resource must be an absolute URI without a fragment") from None
    # urlsplit drops tabs and newlines; what it would change in silence is not the URI that was sent.
    if not parts.scheme or not parts.netloc or "#" in uri or " " in uri or not (uri.isascii() and uri.isprintable()):
        raise InvalidTarget("resource must be an absolute URI without a fragment")
    userinfo, at, host = parts.netloc.rpartition("@")
    rest = uri[uri.index("://") + 3 + len(parts.netloc) :]
    return f"{parts.scheme.lower()}://{userinfo}{at}{host.lower()}{rest}"


def requested(resources: Sequence[str], audience: str | None, *, known: Collection[str]) -> str | None:
    """The one resource that a token request names, in its registered spelling, or None. Raises InvalidTarget. §2.2.

    `audience` is what Auth0-style clients and Dapr's MCPServer send instead. One audience a token: a second is refused.
    Does not decide whether this client may reach it.
    """
    named = {canonical(uri) for uri in (*resources, *([audience] if audience else []))}
    if len(named) > 1:
        raise InvalidTarget("a token is for one resource: name one")
    for uri in named:
        if uri not in known:
            raise InvalidTarget("resource is unknown")
        return uri
    return None


def choose(requested: str | None, *, allowed: Collection[str], default: str | None) -> str:
    """The audience: the resource asked for, else the configured default, never a wildcard. §2.2, RFC 9068 §3.

    Raises InvalidTarget when the client may not reach it, or when nothing says which one is meant.
    """
    if requested is not None:
        if requested not in allowed:
            raise InvalidTarget("the client may not have a token for this resource")
        return requested
    if default in allowed:
        return str(default)
    if len(allowed) == 1:
        return next(iter(allowed))
    raise InvalidTarget("resource is required: the client may reach none or several and has no default")
