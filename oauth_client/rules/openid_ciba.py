"""OpenID Connect CIBA Core 1.0, poll mode — what is asked, where, and is the answer what was asked for?"""

import base64
import binascii
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import cast

from oauth_client.errors import BadTokenAnswer, MethodNotOffered, shown
from oauth_client.models import Document, ServerMetadata, Started, TokenAnswer
from oauth_client.rules.rfc6749_token import read_answer

GRANT = "urn:openid:params:grant-type:ciba"
OPENID = "openid"
INTERVAL = 5
_LONGEST = 3600
_PARTS = 3
_LEEWAY = 60


def check_offered(server: ServerMetadata) -> str:
    """Where to ask, at a server that says that it can be polled for the answer. Raises MethodNotOffered. §4."""
    if not server.backchannel_endpoint:
        raise MethodNotOffered(f"{server.issuer} has no backchannel_authentication_endpoint: it asks nobody for us")
    if server.delivery_modes and "poll" not in server.delivery_modes:
        raise MethodNotOffered(f"{server.issuer} does not let clients poll, only {', '.join(server.delivery_modes)}")
    return server.backchannel_endpoint


def asked_for(scopes: Iterable[str], server: ServerMetadata) -> frozenset[str]:
    """The scopes with openid, which CIBA wants, where the server knows it. §7.1."""
    return frozenset(scopes) | ({OPENID} & set(server.scopes_supported))


def ask_form(resource: str, scopes: Iterable[str], login_hint: str, binding_message: str) -> dict[str, str]:
    """The request. §7.1; RFC 8707 §2."""
    form = {"scope": " ".join(sorted(scopes)), "resource": resource, "login_hint": login_hint}
    return form | ({"binding_message": binding_message} if binding_message else {})


def poll_form(auth_req_id: str) -> dict[str, str]:
    """The token request. §10.1."""
    return {"grant_type": GRANT, "auth_req_id": auth_req_id}


def read_started(document: Document, _asked: Collection[str], endpoint: str) -> Started:
    """Accept an acknowledgement: an id, when it ends, how often to come. §7.3."""
    auth_req_id = document.text("auth_req_id")
    if not auth_req_id.isascii() or not auth_req_id.isprintable() or not auth_req_id or " " in auth_req_id:
        raise BadTokenAnswer(endpoint, "auth_req_id is missing or malformed")
    expires_in = _seconds(document.members.get("expires_in"), "expires_in", endpoint)
    interval = _seconds(document.members.get("interval", INTERVAL), "interval", endpoint)
    where = document.text("verification_uri")
    return Started(
        auth_req_id=auth_req_id, expires_in=min(expires_in, _LONGEST), interval=interval, where=_shown_to_people(where)
    )


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What an ID token must say: `subject` only where it is known, `moment` in seconds since 1970."""

    issuer: str
    client_id: str
    subject: str
    moment: float


def read_consented(expected: Expected, document: Document, asked: Collection[str], endpoint: str) -> TokenAnswer:
    """Accept a token, and the ID token beside it where there is one. Raises BadTokenAnswer. §10.1.1.

    It comes from the token endpoint itself, so TLS stands for its signature. OpenID Connect Core §3.1.3.7.
    """
    if id_token := document.text("id_token"):
        _check(_claims_of(id_token), expected, endpoint)
    return read_answer(document, asked, endpoint)


def _check(claims: dict[str, object], expected: Expected, endpoint: str) -> None:
    audience, expires = claims.get("aud"), claims.get("exp")
    listed = cast("list[object]", audience) if isinstance(audience, list) else [audience]
    if claims.get("iss") != expected.issuer or expected.client_id not in listed:
        raise BadTokenAnswer(endpoint, "the ID token is of another issuer or for another client")
    if isinstance(expires, bool) or not isinstance(expires, int | float) or expires <= expected.moment - _LEEWAY:
        raise BadTokenAnswer(endpoint, "the ID token has expired")
    if expected.subject and claims.get("sub") != expected.subject:
        raise BadTokenAnswer(endpoint, "the ID token is somebody else's: another person decided than was asked")


def _claims_of(id_token: str) -> dict[str, object]:
    parts = id_token.split(".")
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4) if len(parts) == _PARTS else ""
        claims: object = json.loads(base64.urlsafe_b64decode(padded))
    except (binascii.Error, ValueError):
        return {}
    return cast("dict[str, object]", claims) if isinstance(claims, dict) else {}


def _shown_to_people(where: str) -> str:
    """An address to show: of the web, and in one piece; else none."""
    fits = where.startswith(("https://", "http://")) and where.isascii() and where.isprintable() and " " not in where
    return where if fits else ""


def _seconds(value: object, name: str, endpoint: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise BadTokenAnswer(endpoint, f"{name} is {shown(str(value))}, not a positive number of seconds")
    return value
