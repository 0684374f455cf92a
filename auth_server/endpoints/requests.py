"""GET and POST /requests: a person sees what clients ask them for away from any browser, and decides. CIBA §8."""

from dataclasses import replace
from datetime import UTC, datetime

from auth_server.asked import Asked
from auth_server.endpoints.human import Browser, Human, check_csrf, is_id
from auth_server.endpoints.wire import Answer, Endpoint, Request, read_form
from auth_server.endpoints.wording import in_words
from auth_server.errors import InvalidRequest, OAuthError
from auth_server.form import Form
from auth_server.grants.ciba import Approval, permitted
from auth_server.models import Client
from auth_server.people import Session
from auth_server.rules import openid_ciba as rules
from auth_server.store.asked_contract import AskedOf

_TOLD = {
    "once": "Allowed, for one token.",
    "hour": "Allowed, for an hour. You can take it back on your page at any time.",
    "refused": "Refused.",
    "over": "That request is over: it was decided already, or not in time.",
}


def requests_endpoint(human: Human, asked: AskedOf) -> Endpoint:
    """The page. Only what is asked of the person who is signed in can be seen or decided there."""

    async def requests(request: Request) -> Answer:
        form = read_form(request) if request.method == "POST" else Form.parse(request.query)
        browser = await human.browser(request)
        if browser.session is None:
            return human.to("sign-in", browser.cookies, then="requests")
        deciding = _Deciding(human, asked, browser.session)
        if request.method != "POST":
            return await deciding.page(browser, form.one("told") or "")
        check_csrf(browser, form)
        what, note = await deciding.decided(form)
        on = human.to("requests", told=what)
        return Answer(status=on.status, headers=on.headers, note=note)

    return requests


class _Deciding:
    """One person, and what waits for them."""

    def __init__(self, human: Human, asked: AskedOf, session: Session) -> None:
        self._human = human
        self._asked = asked
        self._session = session

    async def page(self, browser: Browser, told: str) -> Answer:
        """Everything that waits."""
        waiting = await self._asked.waiting(self._session.subject)
        clients = [await self._client(one) for one in waiting]
        shown = [self._shown(one, client) for one, client in zip(waiting, clients, strict=True) if client]
        said, user = _TOLD.get(told, ""), self._session.name
        return self._human.page("requests", csrf=browser.csrf, user=user, told=said, requests=shown)

    async def decided(self, form: Form) -> tuple[str, dict[str, str]]:
        """What the person chose, for one request, once: what to tell them, and the audit event."""
        name, decision = form.required("request"), form.one("decision")
        if decision not in ("once", "hour", "refuse"):
            raise InvalidRequest("a decision is once, hour or refuse")
        found = await self._asked.find(name) if is_id(name) else None
        if found is None or found.subject != self._session.subject:
            return "over", {}
        client = await self._client(found)
        if client is None or decision == "refuse":
            return await self._refused(found)
        known = self._human.identity()
        own = rules.within(client, known.resources[found.resource], known)
        scopes = tuple(one for one in found.scopes if one not in own or form.one(f"scope:{one}") is not None)
        if own.isdisjoint(scopes):
            return await self._refused(found)
        lasts = "hour" if decision == "hour" else "once"
        return await self._allowed(
            Approval(asked=found, client=client, session=self._session, scopes=scopes, lasts=lasts)
        )

    async def _refused(self, found: Asked) -> tuple[str, dict[str, str]]:
        """It keeps its place until it would have expired, so that nobody is asked the same again and again."""
        if not await self._closed(replace(found, state="declined")):
            return "over", {}
        return "refused", _note(found, outcome="declined")

    async def _allowed(self, approval: Approval) -> tuple[str, dict[str, str]]:
        """The permission first: whoever finds the request approved finds that too, whatever dies in between."""
        human, found = self._human, approval.asked
        permission, listed = permitted(approval, human.identity(), now=int(human.clock()))
        await human.permissions.add(permission, listed)
        given = replace(found, state="approved", permission=permission.id, granted=approval.scopes)
        if not await self._closed(given):
            await human.permissions.revoke(permission.subject, permission.id)
            return "over", {}
        await self._asked.settle(given)
        said = {"outcome": "approved", "reason": approval.lasts, "permission": permission.id}
        return approval.lasts, _note(found, scope=" ".join(approval.scopes), **said)

    async def _closed(self, decided: Asked) -> bool:
        """True for exactly one decision about a request, and for none after its time."""
        won: list[bool] = []

        def close(latest: Asked) -> Asked:
            # A write whose answer was lost is read again as what it wrote: the permission's id tells whose it was.
            mine = latest.state == decided.state and latest.permission == decided.permission != ""
            is_open = latest.state == "open" and self._human.clock() < latest.expires
            won[:] = [mine or is_open]
            told = replace(latest, state=decided.state, permission=decided.permission, granted=decided.granted)
            return told if is_open else latest

        await self._asked.change(decided.id, close)
        return won == [True]

    async def _client(self, asked: Asked) -> Client | None:
        """Whoever asks, as long as it may ask for so much."""
        client, identity = await self._human.find(asked.client_id), self._human.identity()
        if client is None or client.disabled:
            return None
        try:
            rules.check_client(client)
            rules.to_ask(asked.scopes, client, rules.choose_target(asked.resource, client, identity), identity)
        except OAuthError:
            return None
        return client

    def _shown(self, asked: Asked, client: Client) -> dict[str, object]:
        identity = self._human.identity()
        resource = identity.resources[asked.resource]
        own = [scope for scope in asked.scopes if scope in resource.scopes]
        return {
            "id": asked.id,
            "name": client.client_name or client.client_id,
            "client": client.client_id,
            "resource": resource.uri,
            "resource_name": resource.name,
            "asked": in_words(own, resource, identity),
            "learns": rules.OPENID in asked.scopes,
            "message": asked.message,
            "since": _minute(asked.created),
            "until": _minute(asked.expires),
        }


def _minute(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M UTC")


def _note(asked: Asked, **said: str) -> dict[str, str]:
    """The audit event, by the names of sidecar.audit."""
    about = {"subject": asked.subject, "client": asked.client_id, "resource": asked.resource}
    return {**said, **about, "asked": " ".join(asked.scopes)}
