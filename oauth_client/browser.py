"""The authorization code flow of a native client: a browser there, a loopback listener here. OAuth 2.1 §4.1, §8."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from oauth_client.errors import LoginRequired, TokenRefused
from oauth_client.grant import redeem
from oauth_client.loopback import listening, port_of
from oauth_client.models import Pending, Target, TokenAnswer
from oauth_client.registration import Registrar
from oauth_client.rules.rfc6749_authorization import asked_of, authorization_url, check_endpoint, code_of
from oauth_client.rules.rfc6749_token import code_form
from oauth_client.rules.rfc7636_pkce import check_offered
from oauth_client.wire import Wire

OpenUrl = Callable[[str], Awaitable[object]]
_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Browser:
    """How a person is reached: `open` shows them a URL, https or on loopback; `seconds` is how long to wait."""

    open: OpenUrl
    seconds: float = 300.0


@dataclass(frozen=True, kw_only=True)
class Authorized:
    """What came of it: the answer, and which client and scopes asked for it."""

    answer: TokenAnswer
    client_id: str
    asked: frozenset[str]


async def authorize(
    wire: Wire, target: Target, registrar: Registrar, scopes: frozenset[str], browser: Browser
) -> Authorized:
    """Ask the person, and redeem the code at the server where it began, nowhere else. RFC 9700 §4.4.

    A server that knows the client no more is asked once again, by a client registered anew. Raises OAuthClientError.
    """
    check_offered(target.server)
    check_endpoint(target.server)
    try:
        return await _once(wire, target, registrar, scopes, browser)
    except TokenRefused as refused:
        if refused.error != "invalid_client" or not await registrar.forget(target.server):
            raise
    return await _once(wire, target, registrar, scopes, browser)


async def _once(
    wire: Wire, target: Target, registrar: Registrar, scopes: frozenset[str], browser: Browser
) -> Authorized:
    known = await registrar.known(target.server)
    state = secrets.token_urlsafe(_BYTES)
    async with listening(state, port_of(known[1]) if known else 0) as listener:
        client = await registrar.client(wire, target.server, listener.redirect_uri)
        # The issuer is kept with state and verifier before the browser leaves. RFC 9207 §2.4.
        pending = Pending(
            server=target.server,
            client_id=client.client_id,
            redirect_uri=listener.redirect_uri,
            resource=target.metadata.resource,
            scopes=asked_of(target.server, scopes),
            state=state,
            verifier=secrets.token_urlsafe(_BYTES),
        )
        await browser.open(authorization_url(pending))
        try:
            response = await listener.answer(pending.resource, browser.seconds)
        except LoginRequired:
            await registrar.doubt(target.server)
            raise
    form = code_form(pending, code_of(response, pending))
    answer = await redeem(wire, pending.server, client, form, pending.scopes)
    return Authorized(answer=answer, client_id=client.client_id, asked=pending.scopes)
