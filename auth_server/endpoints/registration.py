"""POST /register: who is it that registers, and may they? RFC 7591 §3."""

from collections.abc import Callable

from auth_server.endpoints.register import bearer, json_object
from auth_server.endpoints.wire import Answer, Endpoint, Request
from auth_server.errors import InvalidRequest, InvalidToken
from auth_server.hashing import digest
from auth_server.rules.rfc7591_application import check_application, wants_people
from auth_server.store.contract import Invitations


def registration_endpoint(
    machines: Endpoint, people: Endpoint, invitations: Invitations, *, anyone: bool, clock: Callable[[], float]
) -> Endpoint:
    """A machine needs an invitation; a client for people needs one of its own kind, unless `anyone` may register."""

    async def register(request: Request) -> Answer:
        if request.query:
            raise InvalidRequest("parameters belong in the body, never in the URL")
        if anyone and not request.header(b"authorization") and wants_people(json_object(request)):
            return await people(request)
        token_hash = digest(bearer(request))
        invitation = await invitations.find(token_hash)
        if invitation is None or not invitation.people:
            return await machines(request)
        check_application(json_object(request))
        if not await invitations.spend(token_hash, clock()):
            raise InvalidToken("the initial access token is unknown, expired or used up", detail="lost a race")
        return await people(request)

    return register
