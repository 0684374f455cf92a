"""GET and POST /consent: a person decides what a client may do in their name. OAuth 2.1 §3.1, §4.1.1."""

from urllib.parse import urlsplit

from auth_server.endpoints.human import Browser, Human, check_csrf, sent_on
from auth_server.endpoints.wire import Answer, Endpoint, Request, read_form
from auth_server.endpoints.wording import in_words
from auth_server.errors import AccessDenied, ConsentRequired, InvalidRequest, LoginRequired, OAuthError
from auth_server.form import Form
from auth_server.grants.authorization_code import Decision, permitted
from auth_server.models import REFRESH_TOKEN, Client
from auth_server.people import Interaction, Session
from auth_server.rules import oauth21_consent as rules
from auth_server.rules.oauth21_redirect_uri import is_loopback
from auth_server.rules.oauth21_refresh_token import IDLE
from auth_server.rules.openid_prompt import is_fresh
from auth_server.rules.rfc8693_token_exchange import covers, reach_of
from auth_server.rules.rfc9207_issuer import error_response, response


def consent_endpoint(human: Human) -> Endpoint:
    """The endpoint. GET asks, or goes on where nothing is to be asked; POST takes the answer, once."""

    async def consent(request: Request) -> Answer:
        form = read_form(request) if request.method == "POST" else Form.parse(request.query)
        browser = await human.browser(request)
        interaction = await human.interaction(form)
        client = await human.client(interaction.client_id)
        session = browser.session if browser.session and is_fresh(browser.session, interaction) else None
        if session is None:
            return await _sign_in_first(human, interaction, browser)
        asking = await _asking(human, interaction, client, session)
        if request.method == "POST":
            check_csrf(browser, form)
            return await asking.decided(form)
        return await asking.asked(browser)

    return consent


async def _sign_in_first(human: Human, interaction: Interaction, browser: Browser) -> Answer:
    if "none" in interaction.prompt:
        return await _refused(human, interaction, LoginRequired("nobody is signed in"))
    return human.to("sign-in", browser.cookies, interaction=interaction.id)


async def _asking(human: Human, interaction: Interaction, client: Client, session: Session) -> "_Asking":
    counts = "consent" not in interaction.prompt and rules.may_remember(client, interaction.redirect_uri)
    lines = await human.permissions.listed(session.subject) if counts else ()
    # Whoever said yes to less than a scope reaches by now is asked again.
    lines = [line for line in lines if covers(line.reach, reach_of(line.resource, line.scopes, human.identity()))]
    known = rules.remembered(lines, client.client_id, interaction.resource)
    new = rules.new(interaction.scopes, known, human.identity())
    return _Asking(human, interaction, client, session, new)


async def _refused(human: Human, interaction: Interaction, error: OAuthError) -> Answer:
    """Back to the client with a refusal; nothing more comes of this request."""
    await _decide(human, interaction)
    where = error_response(interaction.redirect_uri, error, state=interaction.state, issuer=human.issuer)
    return sent_on(where, note={"outcome": error.error, "client": interaction.client_id})


async def _decide(human: Human, interaction: Interaction) -> None:
    if not await human.interactions.decide(interaction.id):
        raise InvalidRequest("this request was answered already", detail="decided twice")


class _Asking:
    """One request, one person, and what is new between them."""

    def __init__(
        self, human: Human, interaction: Interaction, client: Client, session: Session, new: tuple[str, ...]
    ) -> None:
        self._human = human
        self._interaction = interaction
        self._client = client
        self._session = session
        self._new = new
        self._old = tuple(scope for scope in interaction.scopes if scope not in new)

    async def asked(self, browser: Browser) -> Answer:
        """The page, or on to the client where nothing is new."""
        if not self._new:
            return await self._allowed(())
        if "none" in self._interaction.prompt:
            return await _refused(self._human, self._interaction, ConsentRequired("there is something to ask"))
        return self._page(browser)

    async def decided(self, form: Form) -> Answer:
        """What the person chose: all, some, or nothing. RFC 6749 §4.1.2.1."""
        chosen = tuple(scope for scope in self._new if form.one(f"scope:{scope}") is not None)
        own = self._human.identity().resources[self._interaction.resource].scopes
        if form.one("decision") != "allow" or own.keys().isdisjoint((*chosen, *self._old)):
            return await _refused(self._human, self._interaction, AccessDenied("the person said no"))
        return await self._allowed(chosen)

    async def _allowed(self, chosen: tuple[str, ...]) -> Answer:
        human, interaction = self._human, self._interaction
        await _decide(human, interaction)
        granted = tuple(scope for scope in interaction.scopes if scope in self._old or scope in chosen)
        reach = reach_of(interaction.resource, granted, human.identity())
        decision = Decision(
            interaction=interaction, client=self._client, session=self._session, scopes=granted, reach=reach
        )
        code, permission, listed = permitted(decision, now=int(human.clock()))
        await human.permissions.add(permission, listed)
        where = response(interaction.redirect_uri, {"code": code}, state=interaction.state, issuer=human.issuer)
        note = {"client": self._client.client_id, "resource": interaction.resource, "scope": " ".join(granted)}
        return sent_on(where, note={"outcome": "allowed", **note, "permission": permission.id})

    def _page(self, browser: Browser) -> Answer:
        interaction, client, identity = self._interaction, self._client, self._human.identity()
        resource = identity.resources[interaction.resource]
        words = {**rules.OPENID, **resource.scopes}
        return self._human.page(
            "consent",
            leads_to=(interaction.redirect_uri,),
            csrf=browser.csrf,
            interaction=interaction.id,
            client_name=client.client_name or client.client_id,
            client_host=_host(client.client_uri) or _host(client.client_id),
            proven=client.proven,
            redirect_host=_host(interaction.redirect_uri),
            loopback=is_loopback(interaction.redirect_uri),
            resource=resource.uri,
            resource_name=resource.name,
            user=self._session.name,
            asked=in_words(self._new, resource, identity),
            allowed=", ".join(words[name] for name in self._old),
            refreshes=rules.OFFLINE_ACCESS not in interaction.scopes and REFRESH_TOKEN in client.grant_types,
            idle_days=IDLE // 86_400,
        )


def _host(url: str) -> str:
    return urlsplit(url).netloc
