"""POST /revoke. RFC 7009."""

from collections.abc import Callable

from auth_server.endpoints.wire import NO_STORE, Answer, Authenticate, Endpoint, Request, read_form
from auth_server.errors import UnauthorizedClient, about
from auth_server.keys import Keys
from auth_server.models import Claims
from auth_server.store.contract import Spent

_LEEWAY = 60


def revoke_endpoint(authenticate: Authenticate, keys: Keys, spent: Spent, clock: Callable[[], float]) -> Endpoint:
    """The endpoint. What is no token of ours needs no revoking: 200. §2.2.

    Introspection tells of it at once; a resource server that validates by itself accepts the token until it expires.
    """

    async def revoke(request: Request) -> Answer:
        form = read_form(request)
        client = await authenticate(request.header(b"authorization"), form)
        with about(client=client.client_id):
            claims = keys.recognise(form.required("token"))
            if claims is None or _left(claims) <= 0:
                return _done(client.client_id, "unknown", "")
            if claims["client_id"] != client.client_id:
                raise UnauthorizedClient("the token was not issued to this client", detail=str(claims["jti"]))
        await spent.revoke(str(claims["jti"]), _left(claims))
        return _done(client.client_id, "revoked", str(claims["jti"]))

    def _left(claims: Claims) -> int:
        return int(float(str(claims["exp"])) + _LEEWAY - clock())

    return revoke


def _done(client_id: str, outcome: str, jti: str) -> Answer:
    return Answer(headers=NO_STORE, note={"client": client_id, "outcome": outcome, "jti": jti})
