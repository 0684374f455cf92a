"""POST /upstream, GET /callback/upstream: sign-in through another OpenID provider. OpenID Connect Core §3.1.2."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hmac import compare_digest
from typing import Protocol

from auth_server.endpoints.human import Browser, Human, check_csrf, page_after, sent_on
from auth_server.endpoints.letting_in import let_in
from auth_server.endpoints.sign_in import sign_in_page
from auth_server.endpoints.wire import Answer, Endpoint, Request, read_form
from auth_server.errors import AccessDenied, InvalidRequest, OAuthError, about
from auth_server.form import Form
from auth_server.hashing import digest, fresh_secret
from auth_server.people import Errand, Interaction, Newcomer, Trip, Upstream, Wanted
from auth_server.rules.openid_upstream import is_let_in
from auth_server.store.upstream_contract import Errands

_TOO_OLD = "this answer was used already, is more than ten minutes old, or belongs to another browser"


class Client(Protocol):
    """Asks the provider."""

    async def leave(self, upstream: Upstream, trip: Trip, wanted: Wanted) -> str:
        """Where to send the browser."""
        ...

    async def check_sender(self, upstream: Upstream, sent: str | None) -> None:
        """Accept who an answer says it is from."""
        ...

    async def arrive(self, upstream: Upstream, code: str, trip: Trip, wanted: Wanted) -> Newcomer:
        """Who it is."""
        ...


@dataclass(frozen=True, kw_only=True)
class Abroad:
    """What it takes to let people sign in elsewhere."""

    client: Client
    errands: Errands
    welcome: Callable[[Newcomer], Awaitable[Newcomer]]


def leave_endpoint(human: Human, abroad: Abroad) -> Endpoint:
    """Sends a browser to the provider. The form's CSRF value keeps other sites from starting this."""

    async def leave(request: Request) -> Answer:
        form, browser = read_form(request), await human.browser(request)
        check_csrf(browser, form)
        upstream = _upstream(human)
        interaction = await human.interaction(form) if form.one("interaction") else None
        state = fresh_secret()
        try:
            where = await abroad.client.leave(upstream, _trip(browser, state), _wanted(interaction))
        except OAuthError as error:
            return await _told(human, browser, interaction, upstream, error, page_after(form))
        errand = Errand(
            then=page_after(form),
            id=digest(state),
            browser=_mark(browser),
            issuer=upstream.issuer,
            interaction=interaction.id if interaction else "",
            created=int(human.clock()),
        )
        await abroad.errands.add(errand)
        return sent_on(where, note={"outcome": "sent to the provider", "issuer": upstream.issuer})

    return leave


def callback_endpoint(human: Human, abroad: Abroad) -> Endpoint:
    """Takes the provider's answer, once, from the browser that left for it; whatever replica that left from."""

    async def callback(request: Request) -> Answer:
        form, browser = Form.parse(request.query), await human.browser(request)
        state = form.required("state")
        errand = await _errand(abroad, browser, state)
        interaction = await _interaction(human, errand)
        upstream = _upstream(human, errand.issuer)
        try:
            person = await _arrived(abroad, upstream, form, _trip(browser, state), _wanted(interaction))
        except OAuthError as error:
            return await _told(human, browser, interaction, upstream, error, errand.then)
        return await let_in(human, browser, request, person.subject, person.name, interaction, then=errand.then)

    return callback


async def _told(
    human: Human, browser: Browser, interaction: Interaction | None, upstream: Upstream, error: OAuthError, then: str
) -> Answer:
    """What went wrong, where a person can try again or sign in otherwise."""
    problem = f"{upstream.label} did not sign you in: {error.description}."
    note = {"outcome": error.error, "detail": error.detail or error.description, "issuer": upstream.issuer}
    return await sign_in_page(human, browser, interaction, problem=problem, then=then, status=error.status, note=note)


async def _errand(abroad: Abroad, browser: Browser, state: str) -> Errand:
    """The errand of this browser; nobody else can end it. RFC 9700 §4.7, RFC 6749 §10.12."""
    found = await abroad.errands.find(digest(state))
    if found is None or not compare_digest(found.browser, _mark(browser)):
        raise InvalidRequest(_TOO_OLD, detail="state" if found is None else "another browser")
    if not await abroad.errands.finish(found.id):
        raise InvalidRequest(_TOO_OLD, detail="replayed")
    return found


async def _interaction(human: Human, errand: Errand) -> Interaction | None:
    return await human.interaction(Form({"interaction": (errand.interaction,)})) if errand.interaction else None


async def _arrived(abroad: Abroad, upstream: Upstream, form: Form, trip: Trip, wanted: Wanted) -> Newcomer:
    """Who it is, once everything holds: sender first, for a refusal too may be somebody else's. RFC 9207 §2.4."""
    with about(issuer=upstream.issuer):
        await abroad.client.check_sender(upstream, form.one("iss"))
        if refused := form.one("error"):
            raise AccessDenied("it says no", detail=f"upstream: {refused[:64]}")
        person = await abroad.client.arrive(upstream, form.required("code"), trip, wanted)
        if not is_let_in(person, upstream):
            raise AccessDenied("you are not among those who may come in here", detail="not let in")
        return await abroad.welcome(person)


def _upstream(human: Human, issuer: str | None = None) -> Upstream:
    found = human.identity().upstream
    if found is None or issuer not in (None, found.issuer):
        raise InvalidRequest("there is no such way to sign in here")
    return found


def _wanted(interaction: Interaction | None) -> Wanted:
    """What the client asked for is asked of the provider: here nobody sees whether its session is old."""
    if interaction is None:
        return Wanted()
    prompt = " ".join(one for one in interaction.prompt if one in ("login", "select_account"))
    return Wanted(prompt=prompt, max_age=interaction.max_age, login_hint=interaction.login_hint)


def _trip(browser: Browser, state: str) -> Trip:
    """Nonce and verifier are made of the browser's cookie: no other browser's answer can fit, and nothing is kept."""
    nonce, verifier = (digest(f"{name} {browser.token} {state}") for name in ("nonce", "verifier"))
    return Trip(state=state, nonce=nonce, verifier=verifier)


def _mark(browser: Browser) -> str:
    return digest(f"errand {browser.token}")
