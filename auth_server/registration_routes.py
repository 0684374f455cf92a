"""The paths that clients register at, put together; and what keeps a registration that is used."""

import structlog

from auth_server.attempts import network
from auth_server.endpoints.applications import application_endpoint, management_endpoint
from auth_server.endpoints.register import register_endpoint
from auth_server.endpoints.registration import registration_endpoint
from auth_server.endpoints.token import Redeem
from auth_server.enrolment import enrol
from auth_server.form import Form
from auth_server.front import Route
from auth_server.models import Client, Grant
from auth_server.parts import Clock, Parts
from auth_server.registrations import Applications
from sidecar.state import StateUnavailable

_LOG: structlog.typing.FilteringBoundLogger = structlog.get_logger("auth_server")


def registration_routes(issuer: str, parts: Parts, clock: Clock) -> tuple[Route, ...]:
    """Registration, and its management below it."""
    machines = register_endpoint(parts.invitations, parts.clients, lambda asked: enrol(asked, now=int(clock())), clock)
    people = application_endpoint(parts.applications, lambda request: network(request.peer), issuer)
    register = registration_endpoint(machines, people, parts.invitations, anyone=parts.anyone_registers, clock=clock)
    manage = management_endpoint(parts.applications, issuer)
    return (
        Route(name="register", endpoint=register),
        Route(name="register/", endpoint=manage, methods=("GET", "PUT", "DELETE")),
    )


def renewing(redeem: Redeem, applications: Applications) -> Redeem:
    """The same grant; a client that registered itself is kept for longer once a person let it in."""

    async def redeemed(form: Form, client: Client) -> Grant:
        grant = await redeem(form, client)
        try:
            await applications.used(client.client_id)
        except StateUnavailable as error:
            # The code is spent by now: the tokens matter more than the lease, which the next use renews.
            _LOG.warning("a lease is not renewed", client=client.client_id, why=str(error))
        return grant

    return redeemed
