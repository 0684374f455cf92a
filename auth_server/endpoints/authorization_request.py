"""An authorization request, held against every rule. RFC 6749 §4.1.1, OAuth 2.1 §4.1.1, RFC 8707 §2.1."""

from auth_server.errors import InvalidRequest, UnauthorizedClient, UnsupportedResponseType, about
from auth_server.form import Form
from auth_server.models import AUTHORIZATION_CODE, Client, Identity
from auth_server.people import Interaction
from auth_server.rules import oauth21_consent as consent
from auth_server.rules import rfc6749_scope as scope
from auth_server.rules import rfc8707_resource as resource
from auth_server.rules.openid_prompt import prompts, seconds
from auth_server.rules.rfc7636_pkce import check_challenge

_LONGEST = 2048


def check(form: Form, client: Client, redirect_uri: str, identity: Identity, *, name: str, now: int) -> Interaction:
    """The request, once client and redirect URI are proved. Raises what the client is to be told."""
    with about(client=client.client_id):
        _check_flow(form, client)
        challenge = check_challenge(form.one("code_challenge"), form.one("code_challenge_method"))
        asked = resource.requested(form.all("resource"), form.one("audience"), known=identity.resources)
        default = client.default_resource or identity.default_resource
        uri = resource.choose(asked, allowed=consent.reachable(client, identity), default=default)
        return Interaction(
            id=name,
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            state=form.one("state"),
            code_challenge=challenge,
            resource=uri,
            scopes=consent.to_ask(scope.split(form.one("scope")), client, identity.resources[uri], identity),
            nonce=_short(form, "nonce"),
            prompt=prompts(form.one("prompt")),
            max_age=seconds(form.one("max_age")),
            login_hint=(form.one("login_hint") or "")[:256],
            created=now,
        )


def _check_flow(form: Form, client: Client) -> None:
    if AUTHORIZATION_CODE not in client.grant_types:
        raise UnauthorizedClient("this client is not registered for authorization_code")
    if form.required("response_type") != "code":
        raise UnsupportedResponseType("response_type must be code")
    if form.one("response_mode") not in (None, "query"):
        raise InvalidRequest("response_mode must be query")
    if form.one("request") is not None:
        raise InvalidRequest("request objects are not supported", detail="request")
    _short(form, "state")


def _short(form: Form, name: str) -> str | None:
    value = form.one(name)
    if value is not None and len(value) > _LONGEST:
        raise InvalidRequest(f"{name} is too long")
    return value
