"""The public keys of an issuer that the user named. RFC 8414 §3, OpenID Connect Discovery §4."""

from typing import Any, cast
from urllib.parse import urlsplit

import httpx2

from cli.errors import Failure


async def fetch_keys(http: httpx2.AsyncClient, issuer: str) -> dict[str, Any]:
    """The issuer's JWKS, by its own metadata. Raises Failure."""
    for url in metadata_urls(issuer):
        metadata = await _fetch(http, url)
        if metadata is not None:
            return await _keys_of(http, metadata, issuer, url)
    raise Failure(f"{issuer} publishes no metadata: is it running, and is it an issuer?")


def metadata_urls(issuer: str) -> list[str]:
    """Where an issuer's metadata may be, in the order to try. RFC 8414 §3.1, §5."""
    split = urlsplit(issuer)
    origin, path = f"{split.scheme}://{split.netloc}", split.path.rstrip("/")
    inserted = [f"{origin}/.well-known/{name}{path}" for name in ("oauth-authorization-server", "openid-configuration")]
    return [*inserted, f"{origin}{path}/.well-known/openid-configuration"] if path else inserted


async def _keys_of(http: httpx2.AsyncClient, metadata: dict[str, Any], issuer: str, url: str) -> dict[str, Any]:
    if metadata.get("issuer") != issuer:
        raise Failure(f"{url} says that its issuer is {metadata.get('issuer')!r}, not {issuer!r}")
    jwks_uri = metadata.get("jwks_uri")
    keys = await _fetch(http, jwks_uri) if isinstance(jwks_uri, str) else None
    if keys is None:
        raise Failure(f"{issuer} publishes no keys")
    return keys


async def _fetch(http: httpx2.AsyncClient, url: str) -> dict[str, Any] | None:
    try:
        answer = await http.get(url)
        parsed: object = answer.json() if answer.is_success else None
    except httpx2.HTTPError as error:
        raise Failure(f"cannot reach {url}: {error}") from error
    except ValueError:
        return None
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else None
