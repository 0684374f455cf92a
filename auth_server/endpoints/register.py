"""POST /register: a machine with an invitation becomes a client. RFC 7591 §3."""

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from auth_server.endpoints.wire import Answer, Endpoint, Request, json_answer, media_types
from auth_server.errors import InvalidClientMetadata, InvalidRequest, InvalidToken, TokenMissing
from auth_server.hashing import digest
from auth_server.models import Client
from auth_server.rules.rfc7591_registration import Registration, check_metadata
from auth_server.store.contract import Clients, Invitations

Make: TypeAlias = Callable[[Registration], tuple[Client, str | None]]
"""A client and its secret, None when it proves itself by key. Raises InvalidClientMetadata for unusable keys."""


def register_endpoint(invitations: Invitations, clients: Clients, make: Make, clock: Callable[[], float]) -> Endpoint:
    """The endpoint. Nobody registers without an invitation. §3."""

    async def register(request: Request) -> Answer:
        token_hash = digest(bearer(request))
        invitation = await invitations.find(token_hash)
        if invitation is None:
            raise InvalidToken("the initial access token is unknown, expired or used up")
        client, secret = make(check_metadata(json_object(request), invitation))
        # Spent before the client exists: a failed write costs a use, never makes a client too many.
        if not await invitations.spend(token_hash, clock()):
            raise InvalidToken("the initial access token is unknown, expired or used up", detail="lost a race")
        await clients.add(client)
        return _answer(client, secret)

    return register


def bearer(request: Request) -> str:
    """The access token of a registration, initial or not. Raises TokenMissing, InvalidRequest. RFC 6750 §2.1."""
    sent = request.header(b"authorization")
    if request.query:
        raise InvalidRequest("parameters belong in the body, never in the URL")
    if len(sent) != 1:
        raise TokenMissing("an initial access token is required: the operator makes one with an invitation")
    scheme, _, token = sent[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing("an initial access token is required, as a bearer token")
    return token.strip()


def json_object(request: Request) -> Mapping[str, object]:
    """The metadata in the body. Raises InvalidClientMetadata. §3.1."""
    if media_types(request) != ["application/json"]:
        raise InvalidClientMetadata("the content type must be application/json")
    try:
        value: object = json.loads(request.body.decode())
    except (ValueError, RecursionError):
        raise InvalidClientMetadata("the body is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidClientMetadata("the body is not a JSON object")
    return cast("Mapping[str, object]", value)


def _answer(client: Client, secret: str | None) -> Answer:
    """Everything that is registered, and the secret, this once. §3.2.1."""
    scopes = sorted({scope for names in client.resources.values() for scope in names})
    told: dict[str, object] = {
        "client_id": client.client_id,
        "client_id_issued_at": client.created,
        "client_name": client.client_name,
        "grant_types": list(client.grant_types),
        "response_types": [],
        "token_endpoint_auth_method": client.auth_method,
        "scope": " ".join(scopes),
    }
    if secret is None:
        told["jwks"] = {"keys": list(client.jwks)}
    else:
        told |= {"client_secret": secret, "client_secret_expires_at": 0}
    note = {"client": client.client_id, "resource": " ".join(client.resources), "scope": " ".join(scopes)}
    return json_answer(told, status=201, note={"outcome": "registered", **note})
