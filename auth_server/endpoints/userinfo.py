"""GET and POST /userinfo: a client asks who the person is. OpenID Connect Core §5.3."""

from auth_server.endpoints.tokens import Tokens
from auth_server.endpoints.wire import NO_STORE, Answer, Endpoint, Request, json_answer
from auth_server.errors import OAuthError
from auth_server.rules.openid_id_token import userinfo


class _Unwelcome(OAuthError):
    """RFC 6750 §3.1: a token that does not count here."""

    error = "invalid_token"
    status = 401

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The challenge."""
        return ((b"www-authenticate", f'Bearer realm="userinfo", error="{self.error}", scope="openid"'.encode()),)


class _TooLittle(_Unwelcome):
    """RFC 6750 §3.1: a token without the scope openid."""

    error = "insufficient_scope"
    status = 403


def userinfo_endpoint(tokens: Tokens, own: str) -> Endpoint:
    """The endpoint. It takes tokens whose audience it is itself, which a client gets by refreshing. §5.3.1, RFC 8707.

    A token for an MCP server does not count: that server holds it too, and is not whom the person told their name.
    """

    async def answer(request: Request) -> Answer:
        token = _bearer(request)
        if token is None:
            challenge = ((b"www-authenticate", b'Bearer realm="userinfo", scope="openid"'),)
            return Answer(status=401, headers=(*NO_STORE, *challenge))
        known = await tokens.find(token)
        if known is None or known.kind != "access_token" or not await tokens.is_active(token, known):
            raise _Unwelcome("the access token is unknown, expired or revoked")
        if known.claims["aud"] != own:
            raise _Unwelcome(f"the access token is for another resource: refresh with resource={own}", detail="aud")
        scopes = str(known.claims["scope"]).split()
        if known.permission is None or "openid" not in scopes:
            raise _TooLittle("the access token does not carry openid")
        note = {"outcome": "told", "client": known.client_id, "jti": known.jti}
        return json_answer(userinfo(known.permission.subject, known.permission.name, scopes), note=note)

    return answer


def _bearer(request: Request) -> str | None:
    """The token, from the header alone. RFC 6750 §2.1, OAuth 2.1 §5.1."""
    sent = request.header(b"authorization")
    scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
