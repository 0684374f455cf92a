"""GET and POST /sign-in: who is in front of this browser? OAuth 2.1 §3.1, OpenID Connect Core §3.1.2.3."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from auth_server.endpoints.human import (
    COOKIE,
    SESSION_SECONDS,
    Browser,
    Human,
    check_csrf,
    cookie,
    fresh_id,
    set_cookie,
)
from auth_server.endpoints.wire import Answer, Endpoint, Request, read_form
from auth_server.form import Form
from auth_server.hashing import digest, fresh_secret
from auth_server.people import Interaction, Session, User
from auth_server.store.contract import Devices

DEVICE = "__Host-daca-device"
_DEVICE_SECONDS = 365 * 86_400
_LONGEST_AGENT = 120


class Throttle(Protocol):
    """Counts wrong passwords by where they come from."""

    def wait(self, source: str, name: str) -> int:
        """Seconds to wait, or 0."""
        ...

    def wrong(self, source: str, name: str) -> None:
        """One more."""
        ...


@dataclass(frozen=True, kw_only=True)
class Doorkeeper:
    """What it takes to let somebody in: a password's check, a throttle, and the browsers that are known."""

    sign_in: Callable[[str, str], Awaitable[User | None]]
    attempts: Throttle
    network: Callable[[str], str]
    devices: Devices


def sign_in_endpoint(human: Human, door: Doorkeeper) -> Endpoint:
    """The endpoint. With an interaction it goes on to consent, without one to the person's own page."""

    async def sign_in(request: Request) -> Answer:
        form = read_form(request) if request.method == "POST" else Form.parse(request.query)
        browser = await human.browser(request)
        interaction = await human.interaction(form) if form.one("interaction") else None
        asking = _Asking(human, door, browser, interaction)
        if request.method != "POST":
            return await asking.page(interaction.login_hint if interaction else "")
        check_csrf(browser, form)
        return await asking.answered(form, request)

    return sign_in


class _Asking:
    """One browser, and what it is to sign in for."""

    def __init__(self, human: Human, door: Doorkeeper, browser: Browser, interaction: Interaction | None) -> None:
        self._human = human
        self._door = door
        self._browser = browser
        self._interaction = interaction

    async def page(self, name: str, problem: str = "", *, status: int = 200, wait: int = 0) -> Answer:
        """The form, with what went wrong before; never why: an unknown name looks like a wrong password."""
        interaction, client_name, resource_name = self._interaction, "", ""
        if interaction is not None:
            client = await self._human.client(interaction.client_id)
            client_name = client.client_name or client.client_id
            resource_name = self._human.identity().resources[interaction.resource].name
        outcome = {"outcome": "waits" if wait else "wrong password"} if problem else {}
        return self._human.page(
            "sign_in",
            status=status,
            headers=(*self._browser.cookies, *(((b"retry-after", b"%d" % wait),) if wait else ())),
            leads_to=interaction.redirect_uri if interaction else "",
            note=outcome,
            csrf=self._browser.csrf,
            interaction=interaction.id if interaction else "",
            client_name=client_name,
            resource_name=resource_name,
            name=name,
            problem=problem,
        )

    async def answered(self, form: Form, request: Request) -> Answer:
        """In, or the form again."""
        name, password = form.one("name") or "", form.one("password") or ""
        device = cookie(request, DEVICE)
        source = await self._source(device, name, request.peer)
        wait = self._door.attempts.wait(source, name)
        if wait:
            told = f"Too many wrong passwords from here. Try again in {-(-wait // 60)} minutes."
            return await self.page(name, told, status=429, wait=wait)
        user = await self._door.sign_in(name, password)
        if user is None:
            self._door.attempts.wrong(source, name)
            return await self.page(name, "Name or password is wrong.", status=403)
        return await self._let_in(user, device or fresh_secret(), request)

    async def _source(self, device: str | None, name: str, peer: str) -> str:
        if device is not None and await self._door.devices.is_known(digest(device), digest(name)):
            return f"device {digest(device)}"
        return f"network {self._door.network(peer)}"

    async def _let_in(self, user: User, device: str, request: Request) -> Answer:
        """A new session under a new name: whoever knew the old cookie knows nothing of it. OWASP, session fixation."""
        now, token = int(self._human.clock()), fresh_secret()
        interaction = self._interaction
        before = self._browser.session
        if before is not None:
            await self._human.sessions.end(before.subject, before.reference)
        session = Session(
            reference=fresh_id(),
            subject=user.subject,
            name=user.name,
            auth_time=now,
            expires=now + SESSION_SECONDS,
            signed_for=interaction.id if interaction else "",
            agent="".join(filter(str.isprintable, " ".join(request.header(b"user-agent"))))[:_LONGEST_AGENT],
        )
        await self._human.sessions.start(digest(token), session)
        await self._door.devices.remember(digest(device), digest(user.name))
        cookies = (set_cookie(COOKIE, token, SESSION_SECONDS), set_cookie(DEVICE, device, _DEVICE_SECONDS))
        on = self._human.to("consent" if interaction else "account", interaction.id if interaction else "", cookies)
        return Answer(status=on.status, headers=on.headers, note={"outcome": "signed in", "subject": user.subject})
