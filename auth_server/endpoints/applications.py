"""POST /register without an invitation to a machine, and GET, PUT, DELETE /register/{id}. RFC 7591 §3, RFC 7592 §2."""

from collections.abc import Callable, Mapping
from typing import Protocol

from auth_server.endpoints.register import bearer, json_object
from auth_server.endpoints.wire import NO_STORE, Answer, Endpoint, Request, json_answer
from auth_server.errors import InvalidRequest
from auth_server.models import Registered
from auth_server.rules.rfc7591_application import Application, check_application
from auth_server.rules.rfc7592_management import check_update


class Issued(Protocol):
    """A registration and its token."""

    @property
    def registered(self) -> Registered:
        """What was registered."""
        ...

    @property
    def token(self) -> str:
        """The registration access token."""
        ...


class Applications(Protocol):
    """Whoever keeps them; each method raises what RFC 7591 and RFC 7592 call for."""

    async def register(self, application: Application, network: str) -> Issued:
        """A row, new or shared, and a token for it."""
        ...

    async def read(self, client_id: str, token: str) -> Registered:
        """What is registered."""
        ...

    async def update(self, client_id: str, token: str, application: Application) -> Registered:
        """Replace it."""
        ...

    async def delete(self, client_id: str, token: str) -> None:
        """Give it up."""
        ...


def application_endpoint(applications: Applications, network: Callable[[Request], str], issuer: str) -> Endpoint:
    """Registration by whoever comes. RFC 7591 §3.1."""

    async def register(request: Request) -> Answer:
        asked = check_application(json_object(request))
        issued = await applications.register(asked, network(request))
        told = {**_told(issued.registered), **_management(issued.registered, issued.token, issuer)}
        # A shared row has others' loopback ports; this client is told its own, which counts as much.
        told["redirect_uris"] = list(asked.redirect_uris)
        return json_answer(told, status=201, note=_note("registered", issued.registered))

    return register


def management_endpoint(applications: Applications, issuer: str) -> Endpoint:
    """The client configuration endpoint. RFC 7592 §2."""

    async def manage(request: Request) -> Answer:
        token, client_id = bearer(request), request.path.rpartition("/")[2]
        if request.method == "DELETE":
            await applications.delete(client_id, token)
            return Answer(status=204, headers=NO_STORE, note={"outcome": "deleted", "client": client_id})
        if request.method == "PUT":
            asked = check_update(json_object(request), client_id)
            found = await applications.update(client_id, token, asked)
        elif request.body:
            raise InvalidRequest("a read has no body")
        else:
            found = await applications.read(client_id, token)
        told = {**_told(found), **_management(found, token, issuer)}
        return json_answer(told, note=_note("updated" if request.method == "PUT" else "read", found))

    return manage


def _told(registered: Registered) -> dict[str, object]:
    """Everything that is registered. RFC 7591 §3.2.1."""
    client = registered.client
    said: Mapping[str, object] = {
        "client_name": client.client_name,
        "client_uri": client.client_uri,
        "jwks": {"keys": list(client.jwks)} if client.jwks else None,
    }
    return {
        "client_id": client.client_id,
        "client_id_issued_at": client.created,
        "redirect_uris": list(client.redirect_uris),
        "grant_types": list(client.grant_types),
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth_method,
        "application_type": registered.application_type,
        **{name: value for name, value in said.items() if value},
    }


def _management(registered: Registered, token: str, issuer: str) -> dict[str, object]:
    """Where and with what the client manages it. RFC 7592 §3."""
    uri = f"{issuer}/register/{registered.client.client_id}"
    return {"registration_access_token": token, "registration_client_uri": uri}


def _note(outcome: str, registered: Registered) -> dict[str, str]:
    return {"outcome": outcome, "client": registered.client.client_id, "shared": str(registered.shared).lower()}
