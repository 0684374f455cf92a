"""A small authorization server of the tests' own, so that tool servers are seen to take any compliant issuer."""

import base64
import json
import time
from collections.abc import Mapping
from urllib.parse import parse_qs

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

ISSUER = "http://localhost:9000"


_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class Issuer:
    """Issues tokens to clients it knows, for any resource, with the scopes that a client may have.

    `reach`: by client, where it serves, and which scopes it may have at which resource in its callers' names. RFC 8693.
    """

    def __init__(
        self,
        clients: Mapping[str, tuple[str, frozenset[str]]] | None = None,
        reach: Mapping[str, tuple[str, Mapping[str, frozenset[str]]]] | None = None,
    ) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.clients = dict(clients or {})
        self.reach = dict(reach or {})
        self.asked: list[dict[str, str]] = []
        self.url = ISSUER
        self.tells_grants = True
        """Whether its metadata says which grants it takes."""

    def token(
        self,
        resource: str,
        scope: str,
        *,
        client_id: str = "desk",
        subject: str = "ada",
        life: float = 60,
        act: Mapping[str, object] | None = None,
    ) -> str:
        """A token as RFC 9068 has it, and RFC 8693 §4.1 when somebody acts."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": resource, "sub": subject, "client_id": client_id, "scope": scope}
        claims |= {"iat": now, "exp": now + life, "jti": f"{time.monotonic_ns()}"}
        claims |= {"act": act} if act else {}
        return jwt.encode(claims, self._key, "ES256", headers={"typ": "at+jwt", "kid": "1"})

    def app(self) -> ASGIApp:
        """Metadata, keys and the token endpoint."""
        return Router(
            [
                Route("/.well-known/oauth-authorization-server", self._metadata),
                Route("/jwks.json", self._jwks),
                Route("/token", self._grant, methods=["POST"]),
            ]
        )

    async def _metadata(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks.json",
                **({"grant_types_supported": self._grants} if self.tells_grants else {}),
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    @property
    def _grants(self) -> list[str]:
        return ["client_credentials", *([_EXCHANGE] if self.reach else [])]

    async def _jwks(self, _: Request) -> Response:
        public = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        return JSONResponse({"keys": [{**public, "kid": "1", "alg": "ES256", "use": "sig"}]})

    async def _grant(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.asked.append(form)
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        client_id, _, secret = (
            base64.b64decode(credentials).decode().partition(":") if scheme == "Basic" else ("", "", "")
        )
        known, allowed = self.clients.get(client_id, ("", frozenset[str]()))
        if not known or secret != known:
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if form["grant_type"] == _EXCHANGE:
            return self._exchanged(client_id, form)
        wanted = form.get("scope", "").split()
        if not allowed.issuperset(wanted):
            return JSONResponse({"error": "invalid_scope"}, status_code=400)
        scope = " ".join(wanted)
        token = self.token(form["resource"], scope, client_id=client_id, subject=client_id)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 60, "scope": scope})

    def _exchanged(self, client_id: str, form: Mapping[str, str]) -> Response:
        if not self.reach:
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        own, reach = self.reach[client_id]
        subject = jwt.decode(form["subject_token"], self._key.public_key(), ["ES256"], audience=own)
        wanted = frozenset(form.get("scope", "").split())
        if not wanted <= reach.get(form["resource"], frozenset()):
            return JSONResponse({"error": "invalid_scope", "error_description": "further than allowed"}, 400)
        act = {"sub": f"client:{client_id}"} | ({"act": subject["act"]} if "act" in subject else {})
        token = self.token(
            form["resource"],
            " ".join(sorted(wanted)),
            client_id=client_id,
            subject=subject["sub"],
            life=subject["exp"] - time.time(),
            act=act,
        )
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 60, "scope": " ".join(sorted(wanted))}
        return JSONResponse(answer | {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})


class Wire(httpx2.AsyncBaseTransport):
    """Reaches apps in this process by their canonical origin; an origin without an app is away."""

    def __init__(self) -> None:
        self.apps: dict[str, ASGIApp] = {}
        self.seen: list[tuple[str, str]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on to the app of that origin. Raises ConnectError where there is none."""
        origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
        self.seen.append((request.method, str(request.url)))
        if origin not in self.apps:
            raise httpx2.ConnectError(f"nobody listens at {origin}", request=request)
        return await httpx2.ASGITransport(self.apps[origin]).handle_async_request(request)
