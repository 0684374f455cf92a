"""RFC 8414 — where an issuer's metadata stands, and whether it is that issuer's. OpenID Connect Discovery 1.0 too."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from resource_server.errors import KeySourceError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where to look, in order: RFC 8414 §3.1, then OpenID's document inserted, then appended. MCP, discovery."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    inserted = [f"{origin}/.well-known/{name}{path}" for name in ("oauth-authorization-server", "openid-configuration")]
    return tuple(dict.fromkeys([*inserted, f"{origin}{path}/.well-known/openid-configuration"]))


def check_metadata(document: Mapping[str, object], issuer: str) -> str:
    """Return the `jwks_uri` of metadata that is this issuer's, byte for byte. §3.3. Raises KeySourceError."""
    claimed = document.get("issuer")
    if claimed != issuer:
        raise KeySourceError(
            f"the metadata's issuer is {claimed!r:.200}, expected {issuer!r}{_slash_hint(claimed, issuer)}"
        )
    jwks_uri = document.get("jwks_uri")
    if not isinstance(jwks_uri, str):
        raise KeySourceError("the metadata names no jwks_uri")
    return jwks_uri


def check_fetchable(url: str, *, allow_http: bool) -> str:
    """Refuse a key source that is neither https nor on this machine. RFC 8725 §3.10; RFC 9068 §4."""
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and (allow_http or parts.hostname in LOOPBACK))
    if not secure or not parts.hostname or parts.username is not None:
        raise KeySourceError(f"{url!r:.200} is not https; keys come over https, or http on loopback")
    return url


def _slash_hint(claimed: object, issuer: str) -> str:
    if isinstance(claimed, str) and claimed.rstrip("/") == issuer.rstrip("/"):
        return (
            ": they differ only in the trailing slash; configure the issuer exactly as its metadata and tokens have it"
        )
    return ""
