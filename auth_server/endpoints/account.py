"""GET and POST /account, POST /sign-out: what a person allowed, where they are signed in, and taking it back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sized
from datetime import UTC, datetime

from auth_server.endpoints.browser_name import browser_name
from auth_server.endpoints.human import COOKIE, Browser, Human, check_csrf, set_cookie
from auth_server.endpoints.wire import Answer, Endpoint, Request, read_form
from auth_server.form import Form
from auth_server.people import Listed, Session


def account_endpoint(human: Human, waiting: Callable[[str], Awaitable[Sized]]) -> Endpoint:
    """The person's own page. Nothing of anybody else's can be named on it."""

    async def account(request: Request) -> Answer:
        browser = await human.browser(request)
        if browser.session is None:
            return human.to("sign-in", browser.cookies)
        if request.method != "POST":
            return await _page(human, browser, browser.session, len(await waiting(browser.session.subject)))
        form = read_form(request)
        check_csrf(browser, form)
        await _take_back(human, browser.session, form)
        on = human.to("account")
        return Answer(status=on.status, headers=on.headers, note=_named(form, browser.session))

    return account


def sign_out_endpoint(human: Human) -> Endpoint:
    """Ends the session of this browser; what was allowed stays allowed."""

    async def sign_out(request: Request) -> Answer:
        form, browser = read_form(request), await human.browser(request)
        check_csrf(browser, form)
        if browser.session is not None:
            await human.sessions.end(browser.session.subject, browser.session.reference)
        return human.to("sign-in", cookies=(set_cookie(COOKIE, "", 0),))

    return sign_out


async def _take_back(human: Human, session: Session, form: Form) -> None:
    """A client's access to one resource, or one session; both only where the person's own lists have them."""
    client, resource, reference = form.one("client"), form.one("resource"), form.one("session")
    if reference is not None:
        await human.sessions.end(session.subject, reference)
    for line in await human.permissions.listed(session.subject):
        if (line.client_id, line.resource) == (client, resource):
            await human.permissions.revoke(session.subject, line.id)


def _named(form: Form, session: Session) -> dict[str, str]:
    return {
        "outcome": "taken back",
        "subject": session.subject,
        "client": form.one("client") or "",
        "resource": form.one("resource") or "",
    }


async def _page(human: Human, browser: Browser, session: Session, waiting: int) -> Answer:
    lines = await human.permissions.listed(session.subject)
    found = await asyncio.gather(*(_last_used(human, line) for line in lines))
    used = {line.id: when for line, when in zip(lines, found, strict=True) if when is not None}
    clients = _by_client(line for line in lines if line.id in used)
    words = {uri: resource.name for uri, resource in human.identity().resources.items()}
    return human.page(
        "account",
        user=session.name,
        csrf=browser.csrf,
        waiting=waiting,
        clients=[_shown(group, words, max(used[line.id] for line in group)) for group in clients],
        sessions=[
            {
                "reference": one.reference,
                "agent": browser_name(one.agent),
                "since": _day(one.auth_time),
                "here": one.reference == session.reference,
            }
            for one in await human.sessions.listed(session.subject)
        ],
    )


async def _last_used(human: Human, line: Listed) -> int | None:
    """When its client last got a token, for its use elsewhere is not seen here.

    None for a line that means nothing more: its tokens are over, and it is not remembered.
    """
    found = await human.permissions.find(line.id)
    if found is None:
        return line.created if line.remembered else None
    return max(found.created, found.used, found.family.rotated if found.family else 0)


def _by_client(lines: Iterable[Listed]) -> list[list[Listed]]:
    """A person sees clients and resources, not how often they said yes."""
    groups: dict[tuple[str, str], list[Listed]] = {}
    for line in lines:
        groups.setdefault((line.client_id, line.resource), []).append(line)
    return list(groups.values())


def _shown(group: list[Listed], names: dict[str, str], used: int) -> dict[str, object]:
    last = group[-1]
    return {
        "client": last.client_id,
        "name": last.client_name,
        "resource": last.resource,
        "resource_name": names.get(last.resource, last.resource),
        "scopes": sorted({scope for line in group for scope in line.scopes}),
        "since": _day(group[0].created),
        "used": _day(used),
        **_ends(group),
    }


def _ends(group: list[Listed]) -> dict[str, str]:
    """How long it lasts, where every yes in it was for so long."""
    if not all(line.asked for line in group):
        return {"lasts": "", "until": ""}
    lasts = "for an hour" if any(line.asked == "hour" for line in group) else "once"
    return {"lasts": lasts, "until": _day(max(line.expires for line in group))}


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
