"""POST /par: a client pushes its authorization request beforehand. RFC 9126."""

from dataclasses import replace

from auth_server.endpoints.authorization_request import check
from auth_server.endpoints.human import Human, fresh_id, is_id
from auth_server.endpoints.wire import Answer, Authenticate, Endpoint, Request, json_answer, read_form
from auth_server.errors import InvalidRequest, about
from auth_server.form import Form
from auth_server.people import Interaction
from auth_server.rules.oauth21_redirect_uri import match

LIFETIME = 60
_PREFIX = "urn:ietf:params:oauth:request_uri:"


def par_endpoint(human: Human, authenticate: Authenticate) -> Endpoint:
    """The endpoint. Every rule of /authorize holds here, and whatever is wrong is told here. §2.1, §2.3."""

    async def par(request: Request) -> Answer:
        form = read_form(request)
        client = await authenticate(request.headers, form)
        with about(client=client.client_id):
            if form.one("request_uri") is not None:
                raise InvalidRequest("request_uri has no place in a pushed request")
            redirect_uri = match(form.one("redirect_uri"), client.redirect_uris)
            name, now = fresh_id(), int(human.clock())
            pushed = check(form, client, redirect_uri, human.identity(), name=name, now=now)
        await human.interactions.add(replace(pushed, pushed=True))
        note = {"outcome": "pushed", "client": client.client_id, "resource": pushed.resource}
        return json_answer({"request_uri": f"{_PREFIX}{name}", "expires_in": LIFETIME}, status=201, note=note)

    return par


async def pulled(human: Human, form: Form) -> Interaction:
    """The pushed request that an authorization request stands for, once, within a minute. Raises InvalidRequest. §4."""
    prefix, name = form.required("request_uri")[: len(_PREFIX)], form.required("request_uri")[len(_PREFIX) :]
    found = await human.interactions.find(name) if prefix == _PREFIX and is_id(name) else None
    if found is None or not found.pushed or found.created + LIFETIME <= human.clock():
        raise InvalidRequest("request_uri is unknown or expired")
    if found.client_id != form.required("client_id"):
        raise InvalidRequest("request_uri belongs to another client")
    if not await human.interactions.decide(name):
        raise InvalidRequest("request_uri was used before")
    return found
