"""A small, strict authorization server and a resource that trusts it, in process, with switches to misbehave."""

import asyncio
import secrets
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qs, unquote_plus, urlsplit

import httpx2
from joserfc import jwk, jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from oauth_client import ClientSecret, Policy, TokenAuth, Tokens
from oauth_client.credentials import Credentials

RESOURCE = "https://notes.example/mcp"
ISSUER = "https://as.example"
CLIENT = "agent 7"
SECRET = "sëcret:/+ %"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Refusal(Exception):
    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


@dataclass
class Issued:
    resource: str
    scopes: frozenset[str]
    ends: float


@dataclass
class AuthServer:
    """Issues opaque tokens by client credentials, and says no to everything that is not exactly right."""

    clock: Clock
    issuer: str = ISSUER
    client: str = CLIENT
    resources: set[str] = field(default_factory=lambda: {RESOURCE})
    secrets: list[str] = field(default_factory=lambda: [SECRET])
    key: jwk.ECKey | jwk.OKPKey | jwk.RSAKey | None = None
    methods: list[str] = field(default_factory=lambda: ["client_secret_basic", "client_secret_post", "private_key_jwt"])
    scopes: set[str] = field(default_factory=lambda: {"mcp:read", "mcp:write", "mcp:delete"})
    grants: Callable[[frozenset[str]], frozenset[str]] = lambda asked: asked
    lifetime: object = 600
    token_type: str = "Bearer"
    documents: dict[str, object] = field(default_factory=dict[str, object])
    override: Callable[[], Response | None] = lambda: None
    gate: asyncio.Event | None = None
    issued: dict[str, Issued] = field(default_factory=dict[str, Issued])
    forms: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    jtis: set[str] = field(default_factory=set[str])
    extra: dict[str, object] = field(default_factory=dict[str, object])

    def metadata(self) -> dict[str, object]:
        return {
            "issuer": self.issuer,
            "token_endpoint": f"{self.issuer}/token",
            "response_types_supported": ["code"],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": self.methods,
        } | self.extra

    def well_known(self) -> dict[str, object]:
        path = urlsplit(self.issuer).path
        return self.documents or {f"/.well-known/oauth-authorization-server{path}": self.metadata()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.url.path == f"{urlsplit(self.issuer).path}/token" and request.method == "POST":
            response = await self._token(request)
        else:
            response = _document(self.well_known(), request.url.path)
        await response(scope, receive, send)

    async def _token(self, request: Request) -> Response:
        parsed = parse_qs((await request.body()).decode(), keep_blank_values=True, strict_parsing=True)
        assert all(len(values) == 1 for values in parsed.values())
        assert not request.url.query
        form = {name: values[0] for name, values in parsed.items()}
        self.forms.append(form)
        if self.gate is not None:
            await self.gate.wait()
        if (answer := self.override()) is not None:
            return answer
        try:
            return JSONResponse(self._issue(form, request), headers={"Cache-Control": "no-store"})
        except Refusal as refusal:
            body = {"error": refusal.error, "error_description": f"said no to {' '.join(form.values())}"}
            return JSONResponse(body, refusal.status)

    def _issue(self, form: Mapping[str, str], request: Request) -> dict[str, object]:
        self._authenticate(form, request.headers.get("authorization", ""))
        if form.get("grant_type") != "client_credentials":
            raise Refusal("unsupported_grant_type")
        if form.get("resource") not in self.resources:
            raise Refusal("invalid_target")
        asked = frozenset(form.get("scope", "mcp:read").split(" "))
        if not asked <= self.scopes:
            raise Refusal("invalid_scope")
        granted = self.grants(asked)
        token = secrets.token_urlsafe()
        ends = self.clock.now + (self.lifetime if isinstance(self.lifetime, int) else 60)
        self.issued[token] = Issued(form["resource"], granted, ends)
        answer: dict[str, object] = {"access_token": token, "token_type": self.token_type}
        said = {} if granted == frozenset(form.get("scope", "").split(" ")) else {"scope": " ".join(sorted(granted))}
        return answer | said | ({} if self.lifetime is None else {"expires_in": self.lifetime})

    def _authenticate(self, form: Mapping[str, str], header: str) -> None:
        if "client_assertion" in form:
            return self._check_assertion(form)
        if header:
            client, _, secret = b64decode(header.removeprefix("Basic ")).decode("ascii").partition(":")
            client, secret, method = unquote_plus(client), unquote_plus(secret), "client_secret_basic"
        else:
            client, secret, method = form.get("client_id", ""), form.get("client_secret", ""), "client_secret_post"
        if method not in self.methods or client != CLIENT or secret not in self.secrets:
            raise Refusal("invalid_client", 401)
        return None

    def _check_assertion(self, form: Mapping[str, str]) -> None:
        assert self.key is not None
        assert form["client_assertion_type"] == ASSERTION
        token = jwt.decode(form["client_assertion"], self.key, algorithms=["ES256", "EdDSA", "Ed25519", "RS256"])
        claims = cast("dict[str, object]", token.claims)
        fits = (
            token.header.get("typ") == "client-authentication+jwt"
            and claims["iss"] == claims["sub"] == form["client_id"] == self.client
            and claims["aud"] == self.issuer
            and 0 < cast("int", claims["exp"]) - cast("int", claims["iat"]) <= 60
            and str(claims["jti"]) not in self.jtis
        )
        self.jtis.add(str(claims["jti"]))
        if not fits:
            raise Refusal("invalid_client", 401)


@dataclass
class Resource:
    """Takes only tokens issued for it, and says in its challenges what it wants."""

    server: AuthServer
    identifier: str = RESOURCE
    issuers: list[str] = field(default_factory=lambda: [ISSUER])
    documents: dict[str, object] = field(default_factory=dict[str, object])
    extra: dict[str, object] = field(default_factory=dict[str, object])
    says_where: bool = True
    metadata_url: str = "https://notes.example/.well-known/oauth-protected-resource/mcp"
    baseline: str = "mcp:read"
    needs: dict[str, str] = field(default_factory=lambda: {"write": "mcp:write", "delete": "mcp:delete"})
    always: Callable[[], Response] | None = None
    meeting: asyncio.Barrier | None = None
    tokens: list[str | None] = field(default_factory=list[str | None])
    bodies: list[bytes] = field(default_factory=list[bytes])
    open: bool = False

    def metadata(self) -> dict[str, object]:
        return {"resource": self.identifier, "authorization_servers": self.issuers} | self.extra

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if "/.well-known/" in request.url.path:
            path = urlsplit(self.metadata_url).path
            await _document(self.documents or {path: self.metadata()}, request.url.path)(scope, receive, send)
            return
        assert "token" not in request.url.query
        header = request.headers.get("authorization")
        self.tokens.append(header and header.removeprefix("Bearer "))
        self.bodies.append(await request.body())
        await (await self._serve(request, header))(scope, receive, send)

    async def _serve(self, request: Request, header: str | None) -> Response:
        tool = request.headers.get("mcp-name", "read")
        refusal = self.always() if self.always is not None else self.refuse(tool, header)
        if refusal is not None:
            return refusal
        if self.meeting is not None:
            await self.meeting.wait()
        return JSONResponse({"tool": tool})

    def refuse(self, tool: str, header: str | None) -> Response | None:
        if self.open:
            return None
        issued = self.server.issued.get((header or "").removeprefix("Bearer "))
        if issued is None or issued.resource != self.identifier or self.server.clock.now >= issued.ends:
            return self.challenge(401, error="invalid_token" if header else "", scope=self.baseline)
        needed = self.needs.get(tool)
        if needed and needed not in issued.scopes:
            return self.challenge(403, error="insufficient_scope", scope=needed)
        return None

    def challenge(self, status: int, **params: str) -> Response:
        if self.says_where:
            params["resource_metadata"] = self.metadata_url
        said = ", ".join(f'{name}="{value}"' for name, value in params.items() if value)
        return Response(status_code=status, headers={"WWW-Authenticate": f"Bearer {said}".strip()})


def _document(documents: Mapping[str, object], path: str) -> Response:
    found = documents.get(path)
    if found is None:
        return Response("not here", 404)
    return found if isinstance(found, Response) else JSONResponse(found)


class Town(httpx2.AsyncBaseTransport):
    """Every host there is, and a record of every request to any of them."""

    def __init__(self) -> None:
        self.apps: dict[str, httpx2.AsyncBaseTransport] = {}
        self.asked: list[str] = []

    def build(self, origin: str, app: Callable[[Scope, Receive, Send], object]) -> None:
        self.apps[origin] = httpx2.ASGITransport(app=app)  # type: ignore[arg-type]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(f"{request.method} {request.url}")
        port = f":{request.url.port}" if request.url.port else ""
        app = self.apps.get(f"{request.url.scheme}://{request.url.host}{port}")
        if app is None:
            raise httpx2.ConnectError(f"nobody lives at {request.url.host}", request=request)
        return await app.handle_async_request(request)

    def count(self, part: str) -> int:
        return sum(part in asked for asked in self.asked)


def _middle(low: float, high: float) -> float:
    return (low + high) / 2


@dataclass
class World:
    """A client, an authorization server and a resource, and the clock they share."""

    clock: Clock
    town: Town
    server: AuthServer
    resource: Resource
    http: httpx2.AsyncClient

    def policy(self, **choices: object) -> Policy:
        fixed: dict[str, object] = {"clock": self.clock, "uniform": _middle}
        return Policy(**(fixed | choices))  # type: ignore[arg-type]

    def tokens(self, credentials: Credentials | None = None, *, issuer: str | None = None, **choices: object) -> Tokens:
        mine = credentials or ClientSecret(CLIENT, SECRET)
        return Tokens(credentials=mine, http=self.http, issuer=issuer, policy=self.policy(**choices))

    def client(self, auth: TokenAuth) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=self.town, auth=auth)

    def last_scope(self) -> str | None:
        return self.server.forms[-1].get("scope")
