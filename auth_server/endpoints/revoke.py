"""POST /revoke. RFC 7009."""

from auth_server.endpoints.tokens import Tokens
from auth_server.endpoints.wire import NO_STORE, Answer, Authenticate, Endpoint, Request, read_form
from auth_server.errors import UnauthorizedClient, about


def revoke_endpoint(authenticate: Authenticate, tokens: Tokens) -> Endpoint:
    """The endpoint. What is no token of ours needs no revoking: 200. §2.2.

    Introspection tells of it at once; a resource server that validates by itself accepts the token until it expires.
    """

    async def revoke(request: Request) -> Answer:
        form = read_form(request)
        client = await authenticate(request.headers, form)
        with about(client=client.client_id):
            known = await tokens.find(form.required("token"))
            if known is None:
                return _done(client.client_id, "unknown", "")
            if known.client_id != client.client_id:
                raise UnauthorizedClient("the token was not issued to this client", detail=known.jti)
        ended = await tokens.end(known)
        return _done(client.client_id, "revoked", known.jti) if ended else _done(client.client_id, "unknown", "")

    return revoke


def _done(client_id: str, outcome: str, jti: str) -> Answer:
    return Answer(headers=NO_STORE, note={"client": client_id, "outcome": outcome, "jti": jti})
