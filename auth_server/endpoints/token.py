"""POST /token. RFC 6749 §3.2, §5."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from auth_server.endpoints.wire import Answer, Authenticate, Header, Request, json_answer, read_form
from auth_server.errors import UnsupportedGrantType, about
from auth_server.form import Form
from auth_server.keys import Keys
from auth_server.models import CLIENT_CREDENTIALS, Client, Grant, SignedIn
from auth_server.rules import openid_id_token as openid
from auth_server.rules.rfc8693_token_exchange import actors
from auth_server.rules.rfc9068_access_token import claims_of

Redeem: TypeAlias = Callable[[Form, Client], Awaitable[Grant]]
Headers: TypeAlias = tuple[Header, ...]
_JTI_BYTES = 18
_MACHINE = CLIENT_CREDENTIALS.encode()


@dataclass(frozen=True, kw_only=True)
class TokenEndpoint:
    """Who is it, what does the proof entitle to, sign that.

    What a machine's secret entitles to is known from memory: `known` and `machine` are `authenticate` and the grant of
    that name, without their waiting.
    """

    authenticate: Authenticate
    grants: Mapping[str, Redeem]
    known: Callable[[Headers, Form], Client | None]
    machine: Callable[[Form, Client], Grant]
    keys: Keys
    issuer: str
    clock: Callable[[], float]

    async def __call__(self, request: Request) -> Answer:
        """The whole way, of every grant. Raises OAuthError, StateUnavailable, SecretsUnavailable."""
        form = read_form(request)
        client = await self.authenticate(request.headers, form)
        with about(client=client.client_id):
            redeem = self.grants.get(form.required("grant_type"))
            if redeem is None:
                raise UnsupportedGrantType("this grant_type is not supported")
            return self._issued(await redeem(form, client), form.one("scope") or "")

    def at_once(self, request: Request) -> Answer | None:
        """The token of a machine that is entitled to it; None for any other request. Raises OAuthError.

        Whatever it raises, nothing has been counted or spent: the whole way comes to the same, and says why.
        """
        if _MACHINE not in request.body:
            return None
        form = read_form(request)
        client = self.known(request.headers, form) if form.one("grant_type") == CLIENT_CREDENTIALS else None
        return None if client is None else self._issued(self.machine(form, client), form.one("scope") or "")

    def _issued(self, grant: Grant, asked: str) -> Answer:
        now = int(self.clock())
        jti = secrets.token_urlsafe(_JTI_BYTES)
        if came_of := grant.parent or grant.permission:
            jti = f"{came_of}.{jti}"  # whatever a token came of is found by its own id, so that revoking one ends both
        scope, key = " ".join(grant.scopes), self.keys.current(grant.resource.signing_alg)
        claims = claims_of(grant, issuer=self.issuer, now=now, jti=jti)
        access_token = key.token(claims)
        answer: dict[str, object] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(str(claims["exp"])) - now,
            "scope": scope,
        }
        if grant.issued_type:
            answer["issued_token_type"] = grant.issued_type
        if grant.refresh_token is not None:
            answer["refresh_token"] = grant.refresh_token
        if grant.signed_in is not None:
            answer["id_token"] = self._id_token(grant, grant.signed_in, access_token, now)
        return json_answer(answer, note=_noted(grant, asked=asked, scope=scope, jti=jti, kid=key.kid))

    def _id_token(self, grant: Grant, signed_in: SignedIn, access_token: str, now: int) -> str:
        told = openid.claims_of(
            signed_in, issuer=self.issuer, client_id=grant.client_id, now=now, access_token=access_token
        )
        return self.keys.sign_id_token(told)


def _noted(grant: Grant, **said: str) -> Mapping[str, str]:
    """The one line about a token: the audit event, by the names of sidecar.audit."""
    chain = {} if grant.act is None else {"actors": " ".join(actors(grant.act)), "parent": grant.parent}
    return {
        "outcome": "issued" if grant.act is None else "exchanged",
        "subject": grant.subject,
        "client": grant.client_id,
        "resource": grant.resource.uri,
        **chain,
        **{name: value for name, value in said.items() if value},
    }
