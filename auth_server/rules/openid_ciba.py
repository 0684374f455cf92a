"""OpenID Connect CIBA Core 1.0, poll mode — May this client ask this person for that, and what has become of it?

Who the client and the person are, and how many requests may wait, is decided elsewhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal, TypeAlias

from auth_server.asked import Asked, Limits
from auth_server.ciba_errors import InvalidBindingMessage, UnknownUserId
from auth_server.errors import InvalidRequest, InvalidScope, InvalidTarget, UnauthorizedClient
from auth_server.models import CIBA, Claims, Client, Identity, Reach, Resource
from auth_server.people import Listed
from auth_server.rules.rfc6749_scope import expand
from auth_server.rules.rfc8693_token_exchange import covers

INTERVAL = 5
LIFETIME = 300
LONGEST_LIFETIME = 600
HOUR = 3600
LONGEST_MESSAGE = 200
LIMITS = Limits(person=10, pair=3, client=100)
OPENID = "openid"
_EARLY = 0.5
"""Of a second: a client that counts its wait from when the answer came is not too soon."""
_ABSENT = {
    "client_notification_token": "only poll mode is offered: send no client_notification_token",
    "login_hint_token": "login_hint_token is not supported: send login_hint or id_token_hint",
    "request": "signed authentication requests are not supported: send the parameters themselves",
}
Verdict: TypeAlias = Literal["good", "pending", "slow_down", "declined", "expired", "spent"]


def check_client(client: Client) -> None:
    """Accept a client that may ask people at all, which one that proves nothing never may. §4, §7."""
    if not client.backchannel or client.auth_method == "none":
        raise UnauthorizedClient(f"this client may not ask people: identity.yaml gives it no backchannel for {CIBA}")


def check_offered(sent: Mapping[str, str | None]) -> None:
    """Refuse what would change the meaning of the request and is not to be had here. §7.1, §7.1.1."""
    for name, why in _ABSENT.items():
        if sent.get(name) is not None:
            raise InvalidRequest(why)


def check_hints(login_hint: str | None, id_token_hint: str | None) -> None:
    """Accept exactly one hint. Raises InvalidRequest. §7.1."""
    if (login_hint is None) == (id_token_hint is None):
        raise InvalidRequest("exactly one of login_hint and id_token_hint is required")


def check_id_token(claims: Claims | None, client: Client, issuer: str) -> str:
    """The subject of an ID token that was issued here, to this client; an old one will do. Raises UnknownUserId. §7.1.

    `claims` are None where the signature is not ours.
    """
    if claims is None or (claims.get("iss"), claims.get("aud")) != (issuer, client.client_id):
        raise UnknownUserId("id_token_hint is no ID token that was issued here to this client")
    return str(claims.get("sub", ""))


def check_message(message: str | None) -> str:
    """A binding message that a page can show in one piece: short, printable. Raises InvalidBindingMessage. §7.1, §13.

    No character is printable that turns the direction of the text or breaks the line.
    """
    text = message or ""
    if len(text) > LONGEST_MESSAGE:
        raise InvalidBindingMessage(f"binding_message has at most {LONGEST_MESSAGE} characters")
    if not text.isprintable():
        raise InvalidBindingMessage("binding_message is plain text in one line, without control characters")
    return text


def lifetime(requested: str | None) -> int:
    """For how many seconds the request waits: what the client asks for, within bounds. Raises InvalidRequest. §7.1."""
    if requested is None:
        return LIFETIME
    if not (requested.isascii() and requested.isdigit()) or not int(requested[:9]):
        raise InvalidRequest("requested_expiry must be a positive number of seconds")
    return min(int(requested[:9]), LONGEST_LIFETIME)


def choose_target(requested: str | None, client: Client, identity: Identity) -> Resource:
    """The one resource. Raises InvalidTarget. RFC 8707 §2."""
    if requested is None:
        raise InvalidTarget("resource is required: name the one that the token is for")
    if requested not in client.backchannel or requested not in identity.resources:
        raise InvalidTarget("this client may not ask people for this resource")
    return identity.resources[requested]


def within(client: Client, resource: Resource, identity: Identity) -> frozenset[str]:
    """The scopes that this client may ask people for at a resource."""
    return expand(client.backchannel.get(resource.uri, ()), identity.implies) & resource.scopes.keys()


def to_ask(requested: tuple[str, ...], client: Client, resource: Resource, identity: Identity) -> tuple[str, ...]:
    """The scopes to ask for; more than may be asked is refused, for no person should have to see it. §7.1, §13.

    CIBA wants openid among them; here a client may leave it out, and then gets no ID token. Raises InvalidScope.
    """
    allowed = within(client, resource, identity)
    if wider := [scope for scope in requested if scope not in allowed and scope != OPENID]:
        raise InvalidScope("this client may not ask people for this scope here: " + " ".join(wider))
    if allowed.isdisjoint(requested):
        raise InvalidScope("name at least one scope of the resource")
    return requested


def standing(
    lines: Iterable[Listed], client: Client, resource: str, wanted: tuple[str, ...], reach: Reach, identity: Identity
) -> Listed | None:
    """What the person allowed this client for an hour, if it covers all of this and they were told how far it goes."""
    for line in lines:
        same = line.asked == "hour" and (line.client_id, line.resource) == (client.client_id, resource)
        if same and expand(line.scopes, identity.implies) >= set(wanted) and covers(line.reach, reach):
            return line
    return None


def judge(asked: Asked, *, now: float) -> Verdict:
    """What a client that comes with the right auth_req_id is told. §11."""
    if asked.spent or asked.state == "declined":
        return "spent" if asked.spent else "declined"
    if now >= asked.expires:
        return "expired"
    too_soon = now < asked.polled + asked.interval - _EARLY
    return "good" if asked.state == "approved" else "slow_down" if too_soon else "pending"


def polled(asked: Asked, verdict: Verdict, *, now: float) -> Asked:
    """The request after a client came too early to get anything: its next visit is counted from here. §7.3, §11."""
    slower = INTERVAL if verdict == "slow_down" else 0
    return replace(asked, polled=now, interval=asked.interval + slower)
