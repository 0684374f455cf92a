"""RFC 8414 and OpenID Connect Discovery 1.0 — what does this authorization server say about itself?"""

from urllib.parse import urlsplit

from oauth_client.errors import DiscoveryFailed, IssuerMismatch, MethodNotOffered
from oauth_client.models import Document, ServerMetadata

_OAUTH = "/.well-known/oauth-authorization-server"
_OPENID = "/.well-known/openid-configuration"


def check_issuer(issuer: str, where: str) -> str:
    """Accept an issuer identifier: a URL without query or fragment. §2."""
    if "?" in issuer or "#" in issuer:
        raise DiscoveryFailed(f"authorization server {issuer}", [(where, "an issuer has neither query nor fragment")])
    return issuer


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where an issuer's document may be, in the order of MCP's discovery. §3.1, §5; OIDC-D §4.1."""
    parts = urlsplit(issuer)
    origin = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.rstrip("/")
    if not path:
        return f"{origin}{_OAUTH}", f"{origin}{_OPENID}"
    return f"{origin}{_OAUTH}{path}", f"{origin}{_OPENID}{path}", f"{origin}{path}{_OPENID}"


def read_metadata(document: Document, issuer: str, where: str) -> ServerMetadata:
    """Accept a document only when its issuer is the one it was asked for by, byte for byte. §3.3."""
    found = document.text("issuer")
    if found != issuer:
        raise IssuerMismatch(issuer, found, where)
    endpoint = document.text("token_endpoint")
    if not endpoint:
        raise DiscoveryFailed(f"token endpoint of {issuer}", [(where, "token_endpoint is missing")])
    return ServerMetadata(
        issuer=found,
        token_endpoint=endpoint,
        grant_types=document.strings("grant_types_supported"),
        auth_methods=document.strings("token_endpoint_auth_methods_supported"),
        signing_algs=document.strings("token_endpoint_auth_signing_alg_values_supported"),
        scopes_supported=document.strings("scopes_supported"),
        challenge_methods=document.strings("code_challenge_methods_supported"),
        authorization_endpoint=document.text("authorization_endpoint"),
        registration_endpoint=document.text("registration_endpoint"),
        revocation_endpoint=document.text("revocation_endpoint"),
        backchannel_endpoint=document.text("backchannel_authentication_endpoint"),
        delivery_modes=document.strings("backchannel_token_delivery_modes_supported"),
        promises_iss=document.members.get("authorization_response_iss_parameter_supported") is True,
        takes_documents=document.members.get("client_id_metadata_document_supported") is True,
    )


def check_grant(server: ServerMetadata, grant_type: str) -> None:
    """Refuse a server that says it has grants, but not this one. §2.

    One that says nothing is asked: the default of §2 would exclude servers that merely left it out.
    """
    if server.grant_types and grant_type not in server.grant_types:
        offered = ", ".join(server.grant_types)
        raise MethodNotOffered(f"{server.issuer} does not offer the {grant_type} grant, only {offered}")
