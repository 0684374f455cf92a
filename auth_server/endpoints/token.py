"""POST /token. RFC 6749 §3.2, §5."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from auth_server.endpoints.wire import Answer, Authenticate, Endpoint, Request, json_answer, read_form
from auth_server.errors import UnsupportedGrantType, about
from auth_server.form import Form
from auth_server.keys import Keys
from auth_server.models import Client, Grant
from auth_server.rules import openid_id_token as openid
from auth_server.rules.rfc8693_token_exchange import actors
from auth_server.rules.rfc9068_access_token import claims_of

Redeem: TypeAlias = Callable[[Form, Client], Awaitable[Grant]]
_JTI_BYTES = 18


def token_endpoint(
    authenticate: Authenticate, grants: Mapping[str, Redeem], keys: Keys, issuer: str, clock: Callable[[], float]
) -> Endpoint:
    """The endpoint: who is it, what does the proof entitle to, sign that."""

    async def token(request: Request) -> Answer:
        form = read_form(request)
        client = await authenticate(request.headers, form)
        with about(client=client.client_id):
            redeem = grants.get(form.required("grant_type"))
            if redeem is None:
                raise UnsupportedGrantType("this grant_type is not supported")
            return issued(await redeem(form, client), form.one("scope") or "")

    def issued(grant: Grant, asked: str) -> Answer:
        now = int(clock())
        # Whatever a token came of is found by its own id, so that revoking one ends the other.
        jti = ".".join(filter(None, (grant.parent or grant.permission, secrets.token_urlsafe(_JTI_BYTES))))
        scope = " ".join(grant.scopes)
        claims = claims_of(grant, issuer=issuer, now=now, jti=jti)
        access_token = keys.sign(grant.resource.signing_alg, claims)
        answer: dict[str, object] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(str(claims["exp"])) - now,
            "scope": scope,
            **({"issued_token_type": grant.issued_type} if grant.issued_type else {}),
            **({} if grant.refresh_token is None else {"refresh_token": grant.refresh_token}),
            **_id_token(grant, access_token, keys, issuer, now),
        }
        kid = keys.signer(grant.resource.signing_alg)
        return json_answer(answer, note=_noted(grant, asked=asked, scope=scope, jti=jti, kid=kid))

    return token


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


def _id_token(grant: Grant, access_token: str, keys: Keys, issuer: str, now: int) -> Mapping[str, str]:
    if grant.signed_in is None:
        return {}
    told = openid.claims_of(
        grant.signed_in, issuer=issuer, client_id=grant.client_id, now=now, access_token=access_token
    )
    return {"id_token": keys.sign_id_token(told)}
