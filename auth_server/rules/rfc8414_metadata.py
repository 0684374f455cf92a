"""RFC 8414 and OpenID Connect Discovery — what this server says about itself, and where."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

from auth_server.models import (
    AUTHORIZATION_CODE,
    CIBA,
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    Identity,
)
from auth_server.rules.idjag_assertion import PROFILE
from auth_server.rules.oauth21_consent import OPENID
from auth_server.rules.openid_id_token import ALGORITHM, NAMES
from auth_server.rules.openid_prompt import PROMPTS
from auth_server.rules.rfc7523_client_assertion import ALGORITHMS
from auth_server.rules.rfc7636_pkce import METHODS

Value: TypeAlias = str | bool | list[str]
AUTH_METHODS: tuple[str, ...] = ("private_key_jwt", "client_secret_basic", "client_secret_post")
TOKEN_METHODS: tuple[str, ...] = (*AUTH_METHODS, "none")


def check_issuer(issuer: str, *, allow_http: bool = False) -> str:
    """Accept an issuer identifier. Raises ValueError with what is wrong. §2.

    Plain http is for loopback alone, unless the operator says otherwise.
    """
    parts = urlsplit(issuer)
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname)):
        raise ValueError(f"issuer must be https: {issuer!r} (plain http only on loopback)")
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"issuer must be an https URL: {issuer!r}")
    if "?" in issuer or "#" in issuer or issuer.endswith("/"):
        raise ValueError(f"issuer has no query, no fragment and no slash at its end: {issuer!r}")
    if parts.netloc != parts.netloc.lower() or not issuer.startswith(parts.scheme + "://"):
        raise ValueError(f"issuer is compared byte for byte: write scheme and host in lower case: {issuer!r}")
    return issuer


def is_loopback(host: str | None) -> bool:
    """Whether a host name can only be this machine. RFC 8252 §7.3, RFC 6761 §6.3."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def paths(issuer: str) -> tuple[frozenset[str], frozenset[str]]:
    """Where the two documents stand: RFC 8414's, OpenID's. §3.1, §5; OpenID Connect Discovery §4.1.

    OpenID's own form appends to an issuer with a path; MCP clients try both.
    """
    path = urlsplit(issuer).path
    oauth = f"/.well-known/oauth-authorization-server{path}"
    openid = "/.well-known/openid-configuration"
    return frozenset({oauth}), frozenset({f"{openid}{path}", f"{path}{openid}"})


def metadata(issuer: str, identity: Identity) -> Mapping[str, Value]:
    """RFC 8414's document. Only what exists is listed. §2.

    `none`, for public clients, comes last: some clients take the first method that they know.
    """
    methods = list(AUTH_METHODS)
    algorithms = list(ALGORITHMS)
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint": f"{issuer}/token",
        "token_endpoint_auth_methods_supported": list(TOKEN_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "jwks_uri": f"{issuer}/jwks.json",
        "registration_endpoint": f"{issuer}/register",
        "introspection_endpoint": f"{issuer}/introspect",
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint": f"{issuer}/revoke",
        "revocation_endpoint_auth_methods_supported": list(TOKEN_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": _grant_types(identity),
        **({"authorization_grant_profiles_supported": [PROFILE]} if _takes_id_jags(identity) else {}),
        "code_challenge_methods_supported": list(METHODS),
        "client_id_metadata_document_supported": bool(identity.documents.accept),
        "scopes_supported": _scopes(identity),
        "protected_resources": list(identity.resources),
        **_backchannel(issuer, identity),
    }


def openid_metadata(issuer: str, identity: Identity) -> Mapping[str, Value]:
    """The same facts in OpenID's form, whose readers insist on more members. OpenID Connect Discovery §3."""
    return {
        **metadata(issuer, identity),
        "userinfo_endpoint": f"{issuer}/userinfo",
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": list(NAMES),
        "prompt_values_supported": list(PROMPTS),
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def _grant_types(identity: Identity) -> list[str]:
    """Those that somebody may use; whose assertions are taken is told to nobody. ID-JAG §7.2, §8.4."""
    exchanged = any(client.delegation for client in identity.clients.values())
    extra = {TOKEN_EXCHANGE: exchanged, JWT_BEARER: _takes_id_jags(identity), CIBA: _asks_people(identity)}
    return [AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS, *(name for name, there in extra.items() if there)]


def _backchannel(issuer: str, identity: Identity) -> Mapping[str, Value]:
    """OpenID Connect CIBA §4, where some client may ask people."""
    if not _asks_people(identity):
        return {}
    return {
        "backchannel_authentication_endpoint": f"{issuer}/bc-authorize",
        "backchannel_token_delivery_modes_supported": ["poll"],
        "backchannel_user_code_parameter_supported": False,
    }


def _asks_people(identity: Identity) -> bool:
    return any(client.backchannel for client in identity.clients.values())


def _takes_id_jags(identity: Identity) -> bool:
    return any(issuer.id_jag for issuer in identity.trusted_issuers.values())


def _scopes(identity: Identity) -> list[str]:
    every: Iterable[str] = (scope for resource in identity.resources.values() for scope in resource.scopes)
    return sorted({*every, *OPENID})
