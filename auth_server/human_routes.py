"""The paths that people meet, put together."""

from auth_server.attempts import Attempts, network
from auth_server.endpoints.account import account_endpoint, sign_out_endpoint
from auth_server.endpoints.authorize import authorize_endpoint
from auth_server.endpoints.consent import consent_endpoint
from auth_server.endpoints.human import Human
from auth_server.endpoints.requests import requests_endpoint
from auth_server.endpoints.sign_in import Doorkeeper, sign_in_endpoint
from auth_server.endpoints.upstream import Abroad, callback_endpoint, leave_endpoint
from auth_server.endpoints.wire import Answer, Endpoint, Request
from auth_server.front import Route
from auth_server.parts import Clock, Parts
from auth_server.rendering import Pages, style

_READ = ("GET", "HEAD")


def human_routes(human: Human, parts: Parts, clock: Clock) -> tuple[Route, ...]:
    """Pages, and the authorization endpoint that leads to them. No other site's script may read any of these."""
    door = Doorkeeper(sign_in=parts.users.sign_in, attempts=Attempts(clock), network=network, devices=parts.devices)
    abroad = Abroad(client=parts.upstream, errands=parts.errands, welcome=parts.newcomers.welcome)

    def page(name: str, endpoint: Endpoint, *methods: str, event: str = "") -> Route:
        refused = human.page.refused
        return Route(name=name, event=event, endpoint=endpoint, methods=methods, page=True, refused=refused)

    return (
        page("authorize", authorize_endpoint(human), *_READ, "POST"),
        page("sign-in", sign_in_endpoint(human, door), *_READ, "POST"),
        page("upstream", leave_endpoint(human, abroad), "POST"),
        page("callback/upstream", callback_endpoint(human, abroad), "GET"),
        page("consent", consent_endpoint(human), "GET", "POST"),
        page("account", account_endpoint(human, parts.asked.waiting), *_READ, "POST"),
        page("requests", requests_endpoint(human, parts.asked), *_READ, "POST", event="backchannel"),
        page("sign-out", sign_out_endpoint(human), "POST"),
        page("style.css", _style, *_READ),
    )


def the_human(issuer: str, parts: Parts, clock: Clock) -> Human:
    """What those endpoints lean on."""
    path = issuer.partition("://")[2].partition("/")[2]
    return Human(
        issuer=issuer,
        find=parts.directory.find,
        identity=lambda: parts.directory.identity,
        may_go_on=parts.newcomers.may_go_on,
        interactions=parts.interactions,
        sessions=parts.sessions,
        permissions=parts.permissions,
        page=Pages(f"/{path}" if path else ""),
        clock=clock,
    )


async def _style(_request: Request) -> Answer:
    return style()
