"""POST /bc-authorize: a client asks a person, who is not in front of it. OpenID Connect CIBA Core 1.0 §7."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from auth_server.asked import Asked, Person
from auth_server.ciba_errors import TooManyRequests, UnknownUserId
from auth_server.endpoints.sign_in import Throttle
from auth_server.endpoints.wire import Answer, Authenticate, Endpoint, Request, json_answer, read_form
from auth_server.errors import about
from auth_server.form import Form
from auth_server.hashing import digest, fresh_secret
from auth_server.models import Claims, Client, Identity
from auth_server.rules import openid_ciba as rules
from auth_server.rules import rfc6749_scope as scope
from auth_server.rules import rfc8707_resource as resource
from auth_server.rules.rfc8693_token_exchange import reach_of
from auth_server.store.asked_contract import AskedOf
from auth_server.store.contract import Permissions

_ID_BYTES = 16
_LONGEST_HINT = 256


@dataclass(frozen=True, kw_only=True)
class Backchannel:
    """What it takes to ask somebody. `find` leads from a name or subject to a person who is let in.

    `recognise` gives the claims of ID tokens of ours. `allows` counts a client's requests, `guesses` its wrong hints.
    """

    issuer: str
    asked: AskedOf
    permissions: Permissions
    find: Callable[[str], Awaitable[Person | None]]
    recognise: Callable[[str], Claims | None]
    allows: Callable[[str], bool]
    guesses: Throttle
    identity: Callable[[], Identity]
    clock: Callable[[], float]


def bc_authorize_endpoint(authenticate: Authenticate, backchannel: Backchannel) -> Endpoint:
    """The endpoint. Whatever is wrong with the request itself is told before anybody is looked for. §7.2, §13."""

    async def bc_authorize(request: Request) -> Answer:
        form = read_form(request)
        client = await authenticate(request.headers, form)
        with about(client=client.client_id):
            rules.check_client(client)
            if not backchannel.allows(client.client_id):
                raise TooManyRequests("this client asks too often: wait")
            asked = _unaddressed(form, client, backchannel)
            with about(resource=asked.resource, asked=" ".join(asked.scopes)):
                person = await _person(form, client, backchannel)
                return await _asked(replace(asked, subject=person.subject, name=person.name), client, backchannel)

    return bc_authorize


def _unaddressed(form: Form, client: Client, backchannel: Backchannel) -> Asked:
    """The request, but for whom and by which secret. Raises what CIBA §13 has."""
    names = ("client_notification_token", "login_hint_token", "request")
    rules.check_offered({name: form.one(name) for name in names})
    rules.check_hints(form.one("login_hint"), form.one("id_token_hint"))
    identity, now = backchannel.identity(), int(backchannel.clock())
    named = resource.requested(form.all("resource"), form.one("audience"), known=identity.resources)
    target = rules.choose_target(named, client, identity)
    return Asked(
        id=secrets.token_hex(_ID_BYTES),
        secret_hash="",
        client_id=client.client_id,
        subject="",
        name="",
        resource=target.uri,
        scopes=rules.to_ask(scope.split(form.required("scope")), client, target, identity),
        message=rules.check_message(form.one("binding_message")),
        created=now,
        expires=now + rules.lifetime(form.one("requested_expiry")),
        interval=rules.INTERVAL,
    )


async def _person(form: Form, client: Client, backchannel: Backchannel) -> Person:
    """Whom a hint leads to. Raises UnknownUserId, as often as a client that is not guessing would see it. §7.1, §13."""
    source = f"client {client.client_id}"
    if backchannel.guesses.wait(source, ""):
        raise TooManyRequests("too many hints of this client led to nobody: wait")
    hint, id_token = form.one("login_hint"), form.one("id_token_hint")
    if id_token is not None:
        hint = rules.check_id_token(backchannel.recognise(id_token), client, backchannel.issuer)
    found = await backchannel.find(hint) if hint and len(hint) <= _LONGEST_HINT else None
    if found is None:
        backchannel.guesses.wrong(source, digest(hint or ""))
        raise UnknownUserId("nobody who may be asked is known by this hint")
    return found


async def _asked(asked: Asked, client: Client, backchannel: Backchannel) -> Answer:
    """The request, waiting for the person; or approved already, by what they allowed for an hour."""
    auth_req_id = f"{asked.id}.{fresh_secret()}"
    asked = replace(asked, secret_hash=digest(auth_req_id))
    reach = reach_of(asked.resource, asked.scopes, backchannel.identity())
    lines = await backchannel.permissions.listed(asked.subject)
    standing = rules.standing(lines, client, asked.resource, asked.scopes, reach, backchannel.identity())
    if standing is not None:
        asked = replace(asked, state="approved", permission=standing.id, granted=asked.scopes)
        await backchannel.asked.add_approved(asked)
    elif not await backchannel.asked.add(asked, rules.LIMITS):
        raise TooManyRequests("too many requests wait for this person or of this client: wait until some are decided")
    told: dict[str, object] = {
        "auth_req_id": auth_req_id,
        "expires_in": asked.expires - asked.created,
        "interval": asked.interval,
        # Not CIBA's: where the person decides, for a client that can tell them. The name is RFC 8628's.
        "verification_uri": f"{backchannel.issuer}/requests",
    }
    return json_answer(told, note=_note(asked))


def _note(asked: Asked) -> dict[str, str]:
    """The audit event, by the names of sidecar.audit."""
    approved = {"scope": " ".join(asked.granted), "permission": asked.permission} if asked.permission else {}
    return {
        "outcome": "approved" if asked.permission else "requested",
        **({"reason": "allowed for an hour"} if asked.permission else {}),
        "subject": asked.subject,
        "client": asked.client_id,
        "resource": asked.resource,
        "asked": " ".join(asked.scopes),
        **approved,
    }
