"""GET and POST /sign-in: who is in front of this browser? OAuth 2.1 §3.1, OpenID Connect Core §3.1.2.3."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from auth_server.endpoints.human import Browser, Human, check_csrf, cookie, page_after, set_cookie
from auth_server.endpoints.letting_in import let_in
from auth_server.endpoints.wire import Answer, Endpoint, Header, Request, read_form
from auth_server.form import Form
from auth_server.hashing import digest, fresh_secret
from auth_server.people import Interaction, User
from auth_server.store.contract import Devices

DEVICE = "__Host-daca-device"
_DEVICE_SECONDS = 365 * 86_400


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
        asking = _Asking(human, door, browser, interaction, page_after(form))
        if request.method != "POST":
            return await asking.page(interaction.login_hint if interaction else "")
        check_csrf(browser, form)
        return await asking.answered(form, request)

    return sign_in


class _Asking:
    """One browser, and what it is to sign in for."""

    def __init__(
        self, human: Human, door: Doorkeeper, browser: Browser, interaction: Interaction | None, then: str
    ) -> None:
        self._human = human
        self._door = door
        self._browser = browser
        self._interaction = interaction
        self._then = then

    async def page(self, name: str, problem: str = "", *, status: int = 200, wait: int = 0) -> Answer:
        """The form, with what went wrong before; never why: an unknown name looks like a wrong password."""
        note = {"outcome": "waits" if wait else "wrong password"} if problem else {}
        headers: tuple[Header, ...] = ((b"retry-after", b"%d" % wait),) if wait else ()
        human, browser, interaction, then = self._human, self._browser, self._interaction, self._then
        said = {"name": name, "problem": problem, "then": then}
        return await sign_in_page(human, browser, interaction, **said, status=status, note=note, headers=headers)

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
        """The browser is known from now on: wrong passwords from elsewhere do not count against it."""
        await self._door.devices.remember(digest(device), digest(user.name))
        known = set_cookie(DEVICE, device, _DEVICE_SECONDS)
        human, browser, interaction = self._human, self._browser, self._interaction
        who = (user.subject, user.name)
        return await let_in(human, browser, request, *who, interaction, then=self._then, cookies=(known,))


async def sign_in_page(  # noqa: PLR0913  what may stand on the page
    human: Human,
    browser: Browser,
    interaction: Interaction | None,
    *,
    name: str = "",
    problem: str = "",
    then: str = "",
    status: int = 200,
    note: dict[str, str] | None = None,
    headers: tuple[Header, ...] = (),
) -> Answer:
    """The page where people say who they are, or go and say it elsewhere."""
    client_name, resource_name, known = "", "", human.identity()
    if interaction is not None:
        client = await human.client(interaction.client_id)
        client_name = client.client_name or client.client_id
        resource_name = known.resources[interaction.resource].name
    upstream = known.upstream
    return human.page(
        "sign_in",
        status=status,
        headers=(*browser.cookies, *headers),
        leads_to=(interaction.redirect_uri if interaction else "", upstream.issuer if upstream else ""),
        note=note,
        csrf=browser.csrf,
        interaction=interaction.id if interaction else "",
        then=then,
        client_name=client_name,
        resource_name=resource_name,
        elsewhere=upstream.label if upstream else "",
        name=name,
        problem=problem,
    )
