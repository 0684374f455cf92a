"""POST /introspect. RFC 7662."""

from collections.abc import Callable, Mapping
from typing import Any

from auth_server.endpoints.tokens import Known, Tokens
from auth_server.endpoints.wire import Answer, Authenticate, Endpoint, Request, json_answer, read_form
from auth_server.errors import InvalidClient, about
from auth_server.models import Client, Identity

_TOLD = ("iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti", "act")


def introspect_endpoint(authenticate: Authenticate, tokens: Tokens, identity: Callable[[], Identity]) -> Endpoint:
    """The endpoint. A token concerns its client and its resource alone: to others it is inactive. §2.2, §4."""

    async def introspect(request: Request) -> Answer:
        form = read_form(request)
        client = await authenticate(request.headers, form)
        with about(client=client.client_id):
            if client.auth_method == "none":
                raise InvalidClient("introspection is for clients that authenticate", detail="public client")
            token = form.required("token")
        known = await tokens.find(token)
        if known is None or not _may_ask(client, known, identity()) or not await tokens.is_active(token, known):
            return _answer(client, {"active": False})
        told: Mapping[str, Any] = {name: known.claims[name] for name in _TOLD if name in known.claims}
        kind = {"token_type": "Bearer"} if known.kind == "access_token" else {}
        return _answer(client, {"active": True, **kind, **told})

    return introspect


def _may_ask(client: Client, known: Known, identity: Identity) -> bool:
    """A refresh token is its client's alone; an access token also concerns its resource."""
    if known.client_id == client.client_id:
        return True
    resource = identity.resources.get(str(known.claims["aud"]))
    return known.kind == "access_token" and resource is not None and client.client_id in resource.introspection


def _answer(client: Client, told: Mapping[str, object]) -> Answer:
    note = {
        "client": client.client_id,
        "outcome": "active" if told["active"] else "inactive",
        "jti": str(told.get("jti", "")),
    }
    return json_answer(told, note=note)
