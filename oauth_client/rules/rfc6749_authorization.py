"""RFC 6749 and OAuth 2.1 §4.1 — the authorization request, and what its answer says."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from oauth_client.errors import AuthorizationRefused, MethodNotOffered, ResponseRejected
from oauth_client.models import Pending, ServerMetadata
from oauth_client.rules import rfc7636_pkce, rfc9207_issuer
from oauth_client.rules.mcp_scope_selection import union
from oauth_client.rules.rfc9728_egress import check_url

OFFLINE = "offline_access"
_ERROR = re.compile(r"[A-Za-z0-9._:/-]{1,100}")


def check_endpoint(server: ServerMetadata) -> str:
    """Where a person may be sent: https, or http on loopback; no other scheme ever. MCP, URL Validation.

    A place in a private network is the browser's to reach, not ours. Raises MethodNotOffered, AddressRefused.
    """
    if not server.authorization_endpoint:
        raise MethodNotOffered(f"{server.issuer} has no authorization endpoint: people cannot sign in there")
    return check_url(server.authorization_endpoint, loopback=True, private=True)


def asked_of(server: ServerMetadata, scopes: frozenset[str]) -> frozenset[str]:
    """The scopes of the request: offline_access too where the server has it. MCP, Refresh Tokens.

    Nothing stays nothing: then the server chooses, and one scope more would be a choice.
    """
    return union(scopes, (OFFLINE,)) if scopes and OFFLINE in server.scopes_supported else scopes


def authorization_url(pending: Pending) -> str:
    """The request as a URL for the browser. OAuth 2.1 §4.1.1; RFC 7636 §4.3; RFC 8707 §2.1."""
    endpoint = check_endpoint(pending.server)
    asked = {
        "response_type": "code",
        "client_id": pending.client_id,
        "redirect_uri": pending.redirect_uri,
        "state": pending.state,
        "code_challenge": rfc7636_pkce.challenge_of(pending.verifier),
        "code_challenge_method": rfc7636_pkce.METHOD,
        "resource": pending.resource,
    }
    if pending.scopes:
        asked["scope"] = " ".join(sorted(pending.scopes))
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


def code_of(response: Mapping[str, str], pending: Pending) -> str:
    """The code of an answer to this very request. §4.1.2; RFC 9207 §2.4.

    Raises ResponseRejected for an answer that is not acted upon, AuthorizationRefused for a no.
    """
    if response.get("state") != pending.state:
        raise ResponseRejected("the answer belongs to another request: its state is another")
    rfc9207_issuer.check_response(response, pending.server)
    if "error" in response:
        error = response["error"] if _ERROR.fullmatch(response["error"]) else "without an error code"
        description = "".join(c if c.isprintable() else " " for c in response.get("error_description", "")[:300])
        raise AuthorizationRefused(error, description, pending.server.issuer)
    if not response.get("code"):
        raise ResponseRejected("the answer holds neither a code nor an error")
    return response["code"]
