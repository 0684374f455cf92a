"""A new session for whoever proved who they are, however they did."""

from auth_server.endpoints.human import COOKIE, SESSION_SECONDS, Browser, Human, fresh_id, set_cookie
from auth_server.endpoints.wire import Answer, Header, Request
from auth_server.hashing import digest, fresh_secret
from auth_server.people import Interaction, Session

_LONGEST_AGENT = 120


async def let_in(  # noqa: PLR0913  who, where, and what for
    human: Human,
    browser: Browser,
    request: Request,
    subject: str,
    name: str,
    interaction: Interaction | None,
    *,
    then: str = "",
    cookies: tuple[Header, ...] = (),
) -> Answer:
    """A new session under a new name: whoever knew the old cookie knows nothing of it. OWASP, session fixation."""
    now, token, before = int(human.clock()), fresh_secret(), browser.session
    if before is not None:
        await human.sessions.end(before.subject, before.reference)
    session = Session(
        reference=fresh_id(),
        subject=subject,
        name=name,
        auth_time=now,
        expires=now + SESSION_SECONDS,
        signed_for=interaction.id if interaction else "",
        agent="".join(filter(str.isprintable, " ".join(request.header(b"user-agent"))))[:_LONGEST_AGENT],
    )
    await human.sessions.start(digest(token), session)
    mine = (set_cookie(COOKIE, token, SESSION_SECONDS), *cookies)
    on = human.to("consent", mine, interaction=interaction.id) if interaction else human.to(then or "account", mine)
    return Answer(status=on.status, headers=on.headers, note={"outcome": "signed in", "subject": subject})
