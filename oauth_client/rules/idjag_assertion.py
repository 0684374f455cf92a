"""Identity Assertion JWT Authorization Grant — how is an ID-JAG asked for, told from a token, and redeemed?"""

from collections.abc import Collection, Iterable

from oauth_client.errors import BadTokenAnswer, shown
from oauth_client.models import Document, TokenAnswer
from oauth_client.rules.rfc8693_token_exchange import GRANT as EXCHANGE

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"


def id_jag_form(id_token: str, *, audience: str, resource: str, scopes: Iterable[str]) -> dict[str, str]:
    """The request to the identity provider: for which issuer, and always for which resource. §4.3."""
    scope = " ".join(sorted(scopes))
    return {
        "grant_type": EXCHANGE,
        "requested_token_type": ID_JAG,
        "audience": audience,
        "resource": resource,
        "subject_token": id_token,
        "subject_token_type": ID_TOKEN,
    } | ({"scope": scope} if scope else {})


def read_id_jag(document: Document, asked: Collection[str], endpoint: str) -> TokenAnswer:
    """Accept an ID-JAG: it is no access token, and the answer must say so. §4.3.4."""
    issued, kind = document.text("issued_token_type"), document.text("token_type")
    if issued != ID_JAG or kind.upper() != "N_A" or not document.text("access_token"):
        raise BadTokenAnswer(endpoint, f"issued_token_type {shown(issued)} of token_type {shown(kind)} is no ID-JAG")
    granted = document.text("scope").split()
    return TokenAnswer(
        access_token=document.text("access_token"), lifetime=None, scopes=frozenset(granted or asked), refresh_token=""
    )


def redeem_form(assertion: str) -> dict[str, str]:
    """The request to the resource's own server: what may be had stands in the assertion. RFC 7523 §2.1."""
    return {"grant_type": JWT_BEARER, "assertion": assertion}
