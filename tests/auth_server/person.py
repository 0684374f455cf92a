"""A person with a browser, in front of an authorization server in process, and the client that sent them there."""

import base64
import html
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from tests.auth_server.world import ISSUER, NOTES, PORTAL, Server

DESK_BACK = "http://127.0.0.1:49152/callback"
PORTAL_BACK = "https://portal.example/callback"
VERIFIER = base64.urlsafe_b64encode(b"v" * 32).decode().rstrip("=")
CHALLENGE = base64.urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_BOX = re.compile(r'<input type="checkbox" name="([^"]+)"')


def asked(**changed: str | None) -> dict[str, str]:
    """A sound authorization request of the editor; None takes a parameter away."""
    sound: dict[str, str | None] = {
        "client_id": "desk",
        "redirect_uri": DESK_BACK,
        "response_type": "code",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": "st ate&=+",
        "resource": NOTES,
        "scope": "mcp:read mcp:write",
    }
    return {name: value for name, value in {**sound, **changed}.items() if value is not None}


def by_portal(**changed: str | None) -> dict[str, str]:
    """The same of a client that proves itself."""
    return asked(**{"client_id": "portal", "redirect_uri": PORTAL_BACK, **changed})


def back(answer: httpx2.Response) -> dict[str, str]:
    """What an authorization response told the client."""
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query, strict_parsing=True))


@dataclass(kw_only=True)
class Person:
    """Somebody with a browser: cookies, and the page in front of them."""

    server: Server
    name: str = "grace"
    password: str = "grace's password"
    address: str = "192.0.2.1"
    cookies: dict[str, str] = field(default_factory=dict[str, str])
    page: str = ""

    async def get(self, where: str, **query: str) -> httpx2.Response:
        return await self._follow("GET", where + (f"?{urlencode(query)}" if query else ""), None)

    async def post(self, where: str, form: dict[str, str]) -> httpx2.Response:
        return await self._follow("POST", where, form)

    async def once(self, method: str, where: str, form: dict[str, str] | None = None) -> httpx2.Response:
        """One request with the cookies of this browser, nothing followed."""
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        url = where if where.startswith("http") else f"{ISSUER}{where}"
        answer = await self.server.http.request(method, url, data=form, headers=headers)
        for set_cookie in answer.headers.get_list("set-cookie"):
            name, _, rest = set_cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
            if "Max-Age=0" in rest:
                del self.cookies[name]
        self.page = answer.text
        return answer

    async def _follow(self, method: str, where: str, form: dict[str, str] | None) -> httpx2.Response:
        """Until a page, or until the client's own site."""
        answer = await self.once(method, where, form)
        while answer.status_code == 303 and answer.headers["location"].startswith("/"):
            answer = await self.once("GET", answer.headers["location"])
        return answer

    def hidden(self) -> dict[str, str]:
        return {name: html.unescape(value) for name, value in _HIDDEN.findall(self.page)}

    def boxes(self) -> list[str]:
        return [name.removeprefix("scope:") for name in _BOX.findall(self.page)]

    async def sign_in(self, **changed: str) -> httpx2.Response:
        """Fill in the page in front of them."""
        given = {"name": self.name, "password": self.password, **changed}
        return await self.post("/sign-in", {**self.hidden(), **given})

    async def decide(self, *scopes: str, decision: str = "allow") -> httpx2.Response:
        """Tick these, and no others."""
        ticked = {f"scope:{scope}": "on" for scope in scopes}
        return await self.post("/consent", {**self.hidden(), **ticked, "decision": decision})

    async def allow(self, *scopes: str, **request: str | None) -> dict[str, str]:
        """The whole way of a person who allows what is asked, or these scopes of it; what the client was told."""
        answer = await self.get("/authorize", **asked(**request))
        if 'name="password"' in self.page:
            answer = await self.sign_in()
        if answer.status_code != 303:
            answer = await self.decide(*(scopes or self.boxes()))
        return back(answer)

    async def tokens(self, *scopes: str, **request: str | None) -> dict[str, Any]:
        """The same, and what the client gets for the code."""
        told = await self.allow(*scopes, **request)
        answer = await redeem(self.server, told["code"], client_id=request.get("client_id") or "desk")
        assert answer.status_code == 200, answer.text
        return answer.json()


async def redeem(server: Server, code: str, *, client_id: str = "desk", **changed: str) -> httpx2.Response:
    """The token request of a client; the portal proves itself."""
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, **changed}
    basic = PORTAL if client_id == "portal" else None
    return await server.post("/token", form if basic else {"client_id": client_id, **form}, basic=basic)


async def refresh(server: Server, token: str, *, client_id: str = "desk", **changed: str) -> httpx2.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token, **changed}
    basic = PORTAL if client_id == "portal" else None
    return await server.post("/token", form if basic else {"client_id": client_id, **form}, basic=basic)
