"""An enterprise's identity provider, made with PyJWT: it knows nothing of the code that is held against it."""

import json
import uuid
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.auth_server.world import IDENTITY, ISSUER, NOTES, START, World

IDP = "http://localhost:9100"
KEY = ec.derive_private_key(21, ec.SECP256R1())
STRANGE_KEY = ec.derive_private_key(22, ec.SECP256R1())
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
AT_IDP = ("portal-at-idp", "secret at the provider")

_PUBLIC = {**json.loads(ECAlgorithm.to_jwk(KEY.public_key())), "kid": "idp-1"}
TRUST = f"""\
  - issuer: {IDP}
    jwks: {{ keys: [{json.dumps(_PUBLIC)}] }}
    algorithms: [ES256]
    id_jag: {{ "{NOTES}": [mcp:read, mcp:delete] }}
"""
GRANTS = '[authorization_code, refresh_token]\n    redirect_uris: ["https://portal'
WITH_IDP = IDENTITY.replace(GRANTS, GRANTS.replace("]", f', "{JWT_BEARER}"]', 1), 1) + TRUST


def with_idp(world: World, text: str = WITH_IDP) -> None:
    world.write_identity(text)


def sound(**changed: object) -> dict[str, Any]:
    """The claims of a sound ID-JAG; None takes one away."""
    claims: dict[str, object] = {
        "iss": IDP,
        "sub": "employee 7",
        "aud": ISSUER,
        "client_id": "portal",
        "resource": NOTES,
        "scope": "mcp:read",
        "jti": uuid.uuid4().hex,
        "iat": int(START),
        "exp": int(START) + 300,
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not None}


def id_jag(
    claims: dict[str, Any] | None = None,
    key: ec.EllipticCurvePrivateKey = KEY,
    *,
    typ: str | None = "oauth-id-jag+jwt",
    **header: object,
) -> str:
    return jwt.encode(claims or sound(), key, algorithm="ES256", headers={"typ": typ, "kid": "idp-1", **header})


@dataclass
class Provider:
    """Its two endpoints: metadata, and a token endpoint that gives ID-JAGs for ID tokens of the client that asks."""

    forms: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    answer: dict[str, str] = field(default_factory=dict[str, str])

    def id_token(self) -> str:
        claims = {"iss": IDP, "sub": "employee 7", "aud": AT_IDP[0], "exp": int(START) + 300}
        return jwt.encode(claims, KEY, algorithm="ES256")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._token(request) if request.url.path == "/token" else self._metadata()
        await response(scope, receive, send)

    def _metadata(self) -> Response:
        grants = ["urn:ietf:params:oauth:grant-type:token-exchange"]
        return JSONResponse({"issuer": IDP, "token_endpoint": f"{IDP}/token", "grant_types_supported": grants})

    async def _token(self, request: Request) -> Response:
        form = {name: one for name, (one,) in parse_qs((await request.body()).decode()).items()}
        self.forms.append(form)
        basic = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        assert basic == f"{AT_IDP[0]}:{AT_IDP[1].replace(' ', '+')}"
        person = jwt.decode(
            form["subject_token"],
            KEY.public_key(),
            algorithms=["ES256"],
            audience=AT_IDP[0],
            options={"verify_exp": False},
        )
        assert (form["subject_token_type"], form["requested_token_type"]) == (ID_TOKEN, ID_JAG)
        claims = sound(sub=person["sub"], aud=form["audience"], resource=form["resource"], scope=form["scope"])
        answer = {"issued_token_type": ID_JAG, "token_type": "N_A", "access_token": id_jag(claims)}
        return JSONResponse(answer | {"expires_in": 300} | self.answer, headers={"Cache-Control": "no-store"})
