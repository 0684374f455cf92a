"""GET and POST /authorize. RFC 6749 §3.1, §4.1.1."""

from dataclasses import replace

from auth_server.endpoints.authorization_request import check
from auth_server.endpoints.human import Human, fresh_id, sent_on
from auth_server.endpoints.par import pulled
from auth_server.endpoints.wire import Answer, Endpoint, Request, read_form
from auth_server.errors import OAuthError, about
from auth_server.form import Form
from auth_server.people import Interaction
from auth_server.rules.oauth21_redirect_uri import match
from auth_server.rules.rfc9207_issuer import error_response


def authorize_endpoint(human: Human) -> Endpoint:
    """The endpoint. Until client and redirect URI are proved a refusal is a page, afterwards a redirect. §4.1.2.1.

    A sound request is remembered, and the person goes on to the consent page: whatever a cookie says is decided there,
    for a request that another site posts here comes without.
    """

    async def authorize(request: Request) -> Answer:
        form = Form.parse(request.query) if request.method != "POST" else read_form(request)
        client = await human.client(form.required("client_id"))
        if form.one("request_uri") is not None:
            return await _waits(replace(await pulled(human, form), id=fresh_id(), created=now(), pushed=False))
        with about(client=client.client_id):
            redirect_uri = match(form.one("redirect_uri"), client.redirect_uris)
        try:
            interaction = check(form, client, redirect_uri, human.identity(), name=fresh_id(), now=now())
        except OAuthError as error:
            where = error_response(redirect_uri, error, state=form.one("state"), issuer=human.issuer)
            note = {"outcome": error.error, "reason": error.detail or error.description, **error.about}
            return sent_on(where, note=note)
        return await _waits(interaction)

    async def _waits(interaction: Interaction) -> Answer:
        await human.interactions.add(interaction)
        return human.to("consent", interaction=interaction.id)

    def now() -> int:
        return int(human.clock())

    return authorize
