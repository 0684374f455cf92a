"""The town's authorization server with a door for people: it decides at once, and misbehaves where it is told to."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from oauth_client import Browser, FileVault, PersonTokens, Policy
from tests.oauth_client.town import ISSUER, AuthServer, Clock, Issued, Refusal, Resource, Town

HERE = f"{ISSUER}/authorize"


@dataclass
class Inn(AuthServer):
    """`answers` is put over each authorization response; None takes a parameter away."""

    methods: list[str] = field(default_factory=lambda: ["none"])
    clients: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    registered: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    refuses: dict[str, str] = field(default_factory=dict[str, str])
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    answers: dict[str, str | None] = field(default_factory=dict[str, str | None])
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    families: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    retired: set[str] = field(default_factory=set[str])
    reused: int = 0
    rotates: bool = True
    managed: bool = True
    handed_out: list[str] = field(default_factory=list[str])
    revoked: list[str] = field(default_factory=list[str])
    less: frozenset[str] = frozenset()

    def metadata(self) -> dict[str, object]:
        told = super().metadata() | {
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "authorization_endpoint": f"{self.issuer}/authorize",
            "registration_endpoint": f"{self.issuer}/register",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return {name: value for name, value in (told | self.extra).items() if value is not None}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.url.path == "/register" and request.method == "POST":
            await self._register(await request.json())(scope, receive, send)
        elif request.url.path.startswith("/clients/"):
            known = request.url.path.removeprefix("/clients/") in self.clients
            await JSONResponse({}, 200 if known else 401)(scope, receive, send)
        elif request.url.path == "/revoke":
            self.revoked.append(str((await request.form())["token"]))
            await JSONResponse({})(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _register(self, said: dict[str, Any]) -> Response:
        self.registered.append(said)
        if self.refuses:
            return JSONResponse(self.refuses, 400)
        client_id = f"made-{len(self.registered)}"
        self.clients[client_id] = said
        managed = {"registration_client_uri": f"{self.issuer}/clients/{client_id}", "registration_access_token": "mine"}
        more = managed if self.managed else {}
        secret = {} if said["token_endpoint_auth_method"] == "none" else {"client_secret": secrets.token_urlsafe()}
        self.handed_out.extend(secret.values())
        return JSONResponse({**said, "client_id": client_id, **secret, **more}, 201)

    def decide(self, url: str) -> str:
        """What the browser is told: the redirect."""
        asked = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
        self.asked.append(asked)
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        told = {"code": code, "state": asked["state"], "iss": self.issuer} | self.answers
        return f"{asked['redirect_uri']}?{urlencode({k: v for k, v in told.items() if v is not None})}"

    def _issue(self, form: Mapping[str, str], request: Request) -> dict[str, object]:
        if self.key is not None:
            self._check_assertion(form)
        elif "authorization" not in request.headers and form.get("client_id") not in self.clients:
            raise Refusal("invalid_client", 401)
        if form["grant_type"] == "refresh_token":
            return self._refreshed(form)
        asked = self.codes.pop(form["code"], None)
        digest = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if not asked or digest != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            raise Refusal("invalid_grant")
        if form["resource"] != asked["resource"]:
            raise Refusal("invalid_target")
        return self._tokens(asked)

    def _refreshed(self, form: Mapping[str, str]) -> dict[str, object]:
        if form["refresh_token"] in self.retired:
            self.reused += 1
            raise Refusal("invalid_grant")
        if form["refresh_token"] not in self.families or form["resource"] not in self.resources:
            raise Refusal("invalid_grant")
        asked = self.families[form["refresh_token"]]
        if self.rotates:
            self.retired.add(form["refresh_token"])
        return self._tokens(asked)

    def _tokens(self, asked: dict[str, str]) -> dict[str, object]:
        granted = frozenset(asked.get("scope", "mcp:read").split()) - self.less
        token, refresh = secrets.token_urlsafe(), secrets.token_urlsafe()
        self.issued[token] = Issued(asked["resource"], granted, self.clock.now + cast("int", self.lifetime))
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
        self.families[refresh] = asked
        return answer | {"scope": " ".join(sorted(granted))} | ({"refresh_token": refresh} if self.rotates else {})


@dataclass
class Guest:
    """A person with a browser, their vault, and the town around them."""

    clock: Clock
    inn: Inn
    resource: Resource
    town: Town
    http: httpx2.AsyncClient
    folder: Path
    opened: list[str] = field(default_factory=list[str])
    pages: list[httpx2.Response] = field(default_factory=list[httpx2.Response])

    async def browse(self, url: str) -> None:
        self.opened.append(url)
        await self.get(self.inn.decide(url))

    async def get(self, url: str, **headers: str) -> httpx2.Response:
        async with httpx2.AsyncClient() as real:
            self.pages.append(await real.get(url, headers=headers))
        return self.pages[-1]

    def tokens(self, *, seconds: float = 10, alone: bool = False, **more: Any) -> PersonTokens:
        browser = None if alone else Browser(open=more.pop("open", self.browse), seconds=seconds)
        policy = Policy(clock=self.clock, allow_loopback=more.pop("loopback", None))
        vault = FileVault(self.folder)
        return PersonTokens(vault=vault, browser=browser, http=self.http, policy=policy, wall=self.clock, **more)
