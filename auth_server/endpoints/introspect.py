"""POST /introspect. RFC 7662."""

from collections.abc import Callable, Mapping
from typing import Any

from auth_server.endpoints.wire import Answer, Authenticate, Endpoint, Request, json_answer, read_form
from auth_server.errors import about
from auth_server.keys import Keys
from auth_server.models import Claims, Client, Identity
from auth_server.store.contract import Spent

_TOLD = ("iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti")


def introspect_endpoint(
    authenticate: Authenticate, keys: Keys, spent: Spent, identity: Callable[[], Identity], clock: Callable[[], float]
) -> Endpoint:
    """The endpoint. A token concerns its client and its resource alone: to others it is inactive. §2.2, §4."""

    async def introspect(request: Request) -> Answer:
        form = read_form(request)
        client = await authenticate(request.header(b"authorization"), form)
        with about(client=client.client_id):
            claims = keys.recognise(form.required("token"))
        if claims is None or not _may_ask(client, claims, identity()) or not await _active(claims):
            return _answer(client, {"active": False})
        told: Mapping[str, Any] = {name: claims[name] for name in _TOLD if name in claims}
        return _answer(client, {"active": True, "token_type": "Bearer", **told})

    async def _active(claims: Claims) -> bool:
        return float(str(claims["exp"])) > clock() and not await spent.is_revoked(str(claims["jti"]))

    return introspect


def _may_ask(client: Client, claims: Claims, identity: Identity) -> bool:
    resource = identity.resources.get(str(claims["aud"]))
    return claims["client_id"] == client.client_id or (
        resource is not None and client.client_id in resource.introspection
    )


def _answer(client: Client, told: Mapping[str, object]) -> Answer:
    note = {
        "client": client.client_id,
        "outcome": "active" if told["active"] else "inactive",
        "jti": str(told.get("jti", "")),
    }
    return json_answer(told, note=note)
