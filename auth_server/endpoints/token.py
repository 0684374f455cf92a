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
from auth_server.rules.rfc9068_access_token import claims_of

Redeem: TypeAlias = Callable[[Form, Client], Awaitable[Grant]]
_JTI_BYTES = 18


def token_endpoint(
    authenticate: Authenticate, grants: Mapping[str, Redeem], keys: Keys, issuer: str, clock: Callable[[], float]
) -> Endpoint:
    """The endpoint: who is it, what does the proof entitle to, sign that."""

    async def token(request: Request) -> Answer:
        form = read_form(request)
        client = await authenticate(request.header(b"authorization"), form)
        with about(client=client.client_id):
            redeem = grants.get(form.required("grant_type"))
            if redeem is None:
                raise UnsupportedGrantType("this grant_type is not supported")
            return issued(await redeem(form, client))

    def issued(grant: Grant) -> Answer:
        now = int(clock())
        # A person's permission is found by the token's own id, so that revoking one ends the other.
        jti = ".".join(filter(None, (grant.permission, secrets.token_urlsafe(_JTI_BYTES))))
        scope = " ".join(grant.scopes)
        claims = claims_of(grant, issuer=issuer, now=now, jti=jti)
        access_token = keys.sign(grant.resource.signing_alg, claims)
        answer: dict[str, object] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": grant.resource.token_lifetime,
            "scope": scope,
            **({} if grant.refresh_token is None else {"refresh_token": grant.refresh_token}),
            **_id_token(grant, access_token, keys, issuer, now),
        }
        note = {
            "outcome": "issued",
            "client": grant.client_id,
            "resource": grant.resource.uri,
            "scope": scope,
            "jti": jti,
        }
        return json_answer(answer, note=note)

    return token


def _id_token(grant: Grant, access_token: str, keys: Keys, issuer: str, now: int) -> Mapping[str, str]:
    if grant.signed_in is None:
        return {}
    told = openid.claims_of(
        grant.signed_in, issuer=issuer, client_id=grant.client_id, now=now, access_token=access_token
    )
    return {"id_token": keys.sign_id_token(told)}
