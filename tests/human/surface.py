"""Every endpoint of the authorization server in one table: what it takes, and what a stranger may put there."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One path, its methods, and the parameters it knows; `json` where its body is JSON."""

    path: str
    methods: tuple[str, ...] = ("POST",)
    parameters: tuple[str, ...] = ()
    json: bool = False


_ASKED = (
    *("client_id", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method", "resource"),
    *("scope", "nonce", "prompt", "max_age", "login_hint", "acr_values", "response_mode", "request", "request_uri"),
)
_BACK = ("state", "code", "iss", "error", "error_description", "session_state")
_PROOF = ("client_id", "client_secret", "client_assertion_type", "client_assertion")
_DESCRIBED = (
    *("client_name", "redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method"),
    *("application_type", "jwks", "jwks_uri", "client_uri", "scope", "client_id"),
)
SURFACE = (
    Endpoint(path="/authorize", methods=("GET", "POST"), parameters=_ASKED),
    Endpoint(path="/par", parameters=(*_ASKED, *_PROOF[1:])),
    Endpoint(path="/sign-in", methods=("GET", "POST"), parameters=("interaction", "csrf", "name", "password", "then")),
    Endpoint(path="/upstream", parameters=("interaction", "csrf")),
    Endpoint(path="/callback/upstream", methods=("GET",), parameters=_BACK),
    Endpoint(
        path="/consent",
        methods=("GET", "POST"),
        parameters=("interaction", "csrf", "decision", "scope:mcp:read", "scope:mcp:write"),
    ),
    Endpoint(path="/account", methods=("GET", "POST"), parameters=("csrf", "client", "resource", "session")),
    Endpoint(
        path="/requests",
        methods=("GET", "POST"),
        parameters=("csrf", "request", "decision", "told", "scope:mcp:write", "scope:mcp:delete"),
    ),
    Endpoint(path="/sign-out", parameters=("csrf",)),
    Endpoint(
        path="/bc-authorize",
        parameters=(
            *("scope", "resource", "audience", "login_hint", "id_token_hint", "login_hint_token", "binding_message"),
            *("requested_expiry", "client_notification_token", "user_code", "acr_values", "request", *_PROOF),
        ),
    ),
    Endpoint(
        path="/token",
        parameters=(
            *("grant_type", "code", "code_verifier", "redirect_uri", "refresh_token", "scope", "resource", "audience"),
            *("subject_token", "subject_token_type", "actor_token", "actor_token_type", "requested_token_type"),
            *("assertion", "auth_req_id", *_PROOF),
        ),
    ),
    Endpoint(path="/introspect", parameters=("token", "token_type_hint", *_PROOF)),
    Endpoint(path="/revoke", parameters=("token", "token_type_hint", *_PROOF)),
    Endpoint(path="/register", parameters=_DESCRIBED, json=True),
    Endpoint(path="/register/dyn-" + "0" * 32, methods=("GET", "PUT", "DELETE"), parameters=_DESCRIBED, json=True),
    Endpoint(path="/userinfo", methods=("GET", "POST")),
    Endpoint(path="/jwks.json", methods=("GET",)),
    Endpoint(path="/style.css", methods=("GET",)),
    Endpoint(path="/healthz", methods=("GET",)),
    Endpoint(path="/readyz", methods=("GET",)),
    Endpoint(path="/.well-known/oauth-authorization-server", methods=("GET",)),
    Endpoint(path="/.well-known/openid-configuration", methods=("GET",)),
)


def openapi() -> dict[str, Any]:
    """The same as an OpenAPI document; no value is ruled out, for strangers rule out none."""
    paths = {each.path: {method.lower(): _operation(each, method) for method in each.methods} for each in SURFACE}
    return {"openapi": "3.1.0", "info": {"title": "auth-server", "version": "1"}, "paths": paths}


def leads_astray(location: str, proved: tuple[str, ...]) -> bool:
    """Whether a redirect goes anywhere but to a page of ours or to a proved URI, of any port on loopback."""
    parts = urlsplit(location)
    if not parts.scheme and not parts.netloc:
        return not location.startswith("/") or location.startswith(("//", "/\\"))
    place = parts.hostname if parts.hostname in ("127.0.0.1", "::1", "localhost") else parts.netloc
    return f"{parts.scheme}://{place}{parts.path}" not in proved


def _operation(endpoint: Endpoint, method: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"responses": {"default": {"description": "Whatever it may be."}}}
    if method == "GET":
        query = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in endpoint.parameters]
        return {**answer, "parameters": query}
    if method == "DELETE" or not endpoint.parameters:
        return answer
    free: dict[str, Any] = {} if endpoint.json else {"type": "string"}
    body = {"type": "object", "properties": dict.fromkeys(endpoint.parameters, free)}
    kind = "application/json" if endpoint.json else FORM
    return {**answer, "requestBody": {"content": {kind: {"schema": body}}}}
