"""RFC 8693 — Token Exchange: what is asked, and is the answer what was asked for?"""

from collections.abc import Collection, Iterable

from oauth_client.errors import BadTokenAnswer, shown
from oauth_client.models import Document, TokenAnswer
from oauth_client.rules.rfc6749_token import read_answer

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_TYPES = (ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt", "")


def exchange_form(subject_token: str, resource: str, scopes: Iterable[str]) -> dict[str, str]:
    """The request: the client itself is the actor, so there is no actor_token. §2.1."""
    scope = " ".join(sorted(scopes))
    return {
        "grant_type": GRANT,
        "subject_token": subject_token,
        "subject_token_type": ACCESS_TOKEN,
        "resource": resource,
    } | ({"scope": scope} if scope else {})


def read_exchanged(document: Document, asked: Collection[str], endpoint: str) -> TokenAnswer:
    """Accept an access token, and nothing else that could be issued. §2.2.1."""
    issued = document.text("issued_token_type")
    if issued not in _TYPES:
        raise BadTokenAnswer(endpoint, f"issued_token_type is {shown(issued)}, not an access token")
    return read_answer(document, asked, endpoint)
