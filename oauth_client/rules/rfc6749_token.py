"""RFC 6749 — the token endpoint: what is asked, and is the answer a usable token?"""

import re
from collections.abc import Collection, Iterable

from oauth_client.errors import BadTokenAnswer, TokenRefused, shown
from oauth_client.models import Document, Pending, TokenAnswer

GRANT = "client_credentials"
CODE = "authorization_code"
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_ERROR = re.compile(r"[A-Za-z0-9._:/-]{1,100}")


def token_form(resource: str, scopes: Iterable[str]) -> dict[str, str]:
    """The request: always with its resource, with a scope only when there is one. §4.4.2; RFC 8707 §2.2."""
    scope = " ".join(sorted(scopes))
    return {"grant_type": GRANT, "resource": resource} | ({"scope": scope} if scope else {})


def code_form(pending: Pending, code: str) -> dict[str, str]:
    """The request that redeems a code, with what proves that it is ours. OAuth 2.1 §4.1.3; RFC 8707 §2.2."""
    return {
        "grant_type": CODE,
        "code": code,
        "redirect_uri": pending.redirect_uri,
        "code_verifier": pending.verifier,
        "resource": pending.resource,
    }


def refresh_form(resource: str, refresh_token: str) -> dict[str, str]:
    """The request for a successor: of the same resource, with the scope that was granted. §6; RFC 8707 §2.2."""
    return {"grant_type": "refresh_token", "refresh_token": refresh_token, "resource": resource}


def read_answer(document: Document, asked: Collection[str], endpoint: str) -> TokenAnswer:
    """Accept a success: a Bearer token fit for a header, a positive lifetime, and the scope it has. §5.1.

    The token itself is opaque; nothing in it is looked at.
    """
    access_token = document.text("access_token")
    if not _VISIBLE.fullmatch(access_token):
        raise BadTokenAnswer(endpoint, "access_token is missing or not a header value")
    token_type = document.text("token_type")
    if token_type.lower() != "bearer":
        raise BadTokenAnswer(endpoint, f"token_type is {shown(token_type)}, not Bearer")
    granted = document.text("scope").split()
    return TokenAnswer(
        access_token=access_token,
        lifetime=_lifetime(document.members.get("expires_in"), endpoint),
        scopes=frozenset(granted or asked),
        refresh_token=document.text("refresh_token"),
    )


def read_refusal(document: Document, *, status: int, endpoint: str, sensitive: Iterable[str]) -> TokenRefused:
    """Read a refusal, without repeating anything the client sent in confidence. §5.2."""
    error = document.text("error")
    if not _ERROR.fullmatch(error):
        error = "without an error code"
    description = document.text("error_description")
    for secret in filter(None, sensitive):
        description = description.replace(secret, "…")
    printable = "".join(c if c.isprintable() else " " for c in description[:300])
    return TokenRefused(error, printable, status=status, endpoint=endpoint)


def _lifetime(value: object, endpoint: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise BadTokenAnswer(endpoint, f"expires_in is {shown(str(value))}, not a positive number of seconds")
    return value
