"""The paths and the grant by which clients ask people who are not in front of them, put together."""

from collections.abc import Callable, Mapping

from auth_server.attempts import Attempts
from auth_server.endpoints.bc_authorize import Backchannel, bc_authorize_endpoint
from auth_server.endpoints.token import Redeem
from auth_server.front import Route
from auth_server.grants.ciba import Ciba
from auth_server.models import CIBA, Identity
from auth_server.pace import Pace
from auth_server.parts import Clock, Parts

_ALLOWED = 60
_WINDOW = 60.0


def backchannel_route(issuer: str, parts: Parts, identity: Callable[[], Identity], clock: Clock) -> Route:
    """Where clients ask."""
    backchannel = Backchannel(
        issuer=issuer,
        asked=parts.asked,
        permissions=parts.permissions,
        find=parts.newcomers.by_hint,
        recognise=parts.keys.recognise_id_token,
        allows=Pace(_ALLOWED, _WINDOW, clock).allows,
        guesses=Attempts(clock),
        identity=identity,
        clock=clock,
    )
    endpoint = bc_authorize_endpoint(parts.authentication, backchannel)
    return Route(name="bc-authorize", event="backchannel", endpoint=endpoint)


def backchannel_grant(parts: Parts, identity: Callable[[], Identity], clock: Clock) -> Mapping[str, Redeem]:
    """Where they come for what was decided."""
    return {CIBA: Ciba(parts.asked, parts.permissions, parts.newcomers.may_go_on, identity, clock)}
