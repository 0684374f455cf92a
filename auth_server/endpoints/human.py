"""What the endpoints that people meet have in common: who is at the other end, and how they are sent on."""

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from auth_server.endpoints.wire import NO_STORE, Answer, Header, Request
from auth_server.errors import InvalidRequest, UnauthorizedClient
from auth_server.form import Form
from auth_server.hashing import digest, fresh_secret
from auth_server.models import Client, Identity
from auth_server.people import Interaction, Session
from auth_server.rendering import Pages
from auth_server.store.contract import Interactions, Permissions, Sessions

COOKIE = "__Host-daca"
SESSION_SECONDS = 8 * 3600
_ID = re.compile(r"[0-9a-f]{32}")
_ID_BYTES = 16
_AFTER = ("requests",)
_TOO_OLD = "this page is too old or was opened in another browser"


@dataclass(frozen=True, kw_only=True)
class Browser:
    """The browser that sent a request: what its cookie says, and who is signed in there."""

    token: str
    cookies: tuple[Header, ...] = ()
    session: Session | None = None

    @property
    def csrf(self) -> str:
        """What a form of this browser must carry: made of the cookie, which no other site can read or set."""
        return digest(f"csrf {self.token}")


@dataclass(frozen=True, kw_only=True)
class Human:
    """What these endpoints lean on. `may_go_on` says whether a person, by name and subject, is still let in."""

    issuer: str
    find: Callable[[str], Awaitable[Client | None]]
    identity: Callable[[], Identity]
    may_go_on: Callable[[str, str], Awaitable[bool]]
    interactions: Interactions
    sessions: Sessions
    permissions: Permissions
    page: Pages
    clock: Callable[[], float]

    @property
    def path(self) -> str:
        """What every path of the issuer begins with."""
        return urlsplit(self.issuer).path

    async def browser(self, request: Request) -> Browser:
        """Who sent a request; a browser without a cookie gets one, which is no session yet."""
        token = cookie(request, COOKIE)
        if token is None:
            token = fresh_secret()
            return Browser(token=token, cookies=(set_cookie(COOKIE, token, SESSION_SECONDS),))
        session = await self.sessions.find(digest(token))
        if session is not None and not await self.may_go_on(session.name, session.subject):
            session = None
        return Browser(token=token, session=session)

    async def interaction(self, form: Form) -> Interaction:
        """The request that a page goes on with. Raises InvalidRequest: unknown, too old, or answered already."""
        name = form.required("interaction")
        found = await self.interactions.find(name) if is_id(name) else None
        if found is None or found.decided or found.pushed:
            raise InvalidRequest("this request was answered already or is more than ten minutes old")
        return found

    async def client(self, client_id: str) -> Client:
        """A client that may send people here. Raises UnauthorizedClient."""
        found = await self.find(client_id)
        if found is None or found.disabled:
            raise UnauthorizedClient("the program that brought you here is not known", detail="unknown client")
        return found

    def to(self, page: str, cookies: tuple[Header, ...] = (), **said: str) -> Answer:
        """On to a page of our own, with what it is told in its query: words that need no encoding."""
        query = "&".join(f"{name}={value}" for name, value in said.items() if value)
        return sent_on(f"{self.path}/{page}{'?' if query else ''}{query}", cookies=cookies)


def page_after(form: Form) -> str:
    """The page of ours that a sign-in was begun for, if it was: none but these, whatever a request says."""
    return then if (then := form.one("then") or "") in _AFTER else ""


def fresh_id() -> str:
    """An id that nobody else has, of 128 random bits."""
    return secrets.token_hex(_ID_BYTES)


def is_id(text: str) -> bool:
    """Whether a text can be such an id; others need no look-up."""
    return _ID.fullmatch(text) is not None


def check_csrf(browser: Browser, form: Form) -> None:
    """Accept a form that one of our pages sent, in this browser. Raises InvalidRequest. RFC 9700 §4.7."""
    if not compare_digest((form.one("csrf") or "").encode(), browser.csrf.encode()):
        raise InvalidRequest(_TOO_OLD, detail="csrf")


def sent_on(where: str, *, cookies: tuple[Header, ...] = (), note: dict[str, str] | None = None) -> Answer:
    """303: whatever was sent here is not sent on. OAuth 2.1 §7.5.4."""
    headers = (*NO_STORE, (b"location", where.encode()), (b"referrer-policy", b"no-referrer"), *cookies)
    return Answer(status=303, headers=headers, note=note or {})


def cookie(request: Request, name: str) -> str | None:
    """A cookie of the request."""
    found: SimpleCookie = SimpleCookie()
    try:
        for header in request.header(b"cookie"):
            found.load(header)
    except CookieError:
        return None
    return found[name].value or None if name in found else None


def set_cookie(name: str, value: str, seconds: int) -> Header:
    """A cookie that only this origin can set, over a secure connection, and no script can read. RFC 6265bis §4.1.3."""
    return (b"set-cookie", f"{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax".encode())
