"""OpenID Connect Core §3.1.3.7, Discovery §4.3, RFC 9207 §2.4 — May somebody else's word for a person count here?

Does not decide whether a signature is good.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from auth_server.errors import AccessDenied
from auth_server.models import Claims
from auth_server.people import Newcomer, Upstream
from auth_server.rules.openid_id_token import at_hash
from auth_server.rules.rfc8414_metadata import is_loopback

PREFIX = "up."
"""How the subjects begin that we give to the provider's people."""
LEEWAY = 60
_OLDEST = 600
_LONGEST = 255
_LONGEST_NAME = 100


@dataclass(frozen=True, kw_only=True)
class Provider:
    """What an OpenID provider says about itself, as far as it is needed here."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    names_itself: bool


def check_provider(document: Mapping[str, object], issuer: str) -> Provider:
    """Accept a provider's own document. Raises ValueError: another issuer's, or without an endpoint. Discovery §4.3."""
    if document.get("issuer") != issuer:
        raise ValueError(f"the document is of another issuer: {document.get('issuer')!r}")
    return Provider(
        authorization_endpoint=_endpoint(document, "authorization_endpoint"),
        token_endpoint=_endpoint(document, "token_endpoint"),
        jwks_uri=_endpoint(document, "jwks_uri"),
        userinfo_endpoint=_endpoint(document, "userinfo_endpoint") if "userinfo_endpoint" in document else "",
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: Mapping[str, object], name: str) -> str:
    url = document.get(name)
    parts = urlsplit(url) if isinstance(url, str) and url.isascii() and url.isprintable() else urlsplit("")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError(f"{name} must be https (http only on loopback)")
    return str(url)


def check_response_issuer(sent: str | None, issuer: str, provider: Provider) -> None:
    """Accept who an authorization response says it is from, errors included. Raises AccessDenied. RFC 9207 §2.4."""
    if sent != issuer and (sent is not None or provider.names_itself):
        raise AccessDenied("the answer is from somebody else", detail="iss")


def check_id_token(claims: Claims, upstream: Upstream, *, nonce: str, now: float, max_age: int | None) -> str:
    """The subject of an ID token whose signature is good. Raises AccessDenied. §3.1.3.7, §3.1.2.1."""
    subject, azp = claims.get("sub"), claims.get("azp")
    wrong = {
        "iss": claims.get("iss") != upstream.issuer,
        "aud": claims.get("aud") not in (upstream.client_id, [upstream.client_id]),
        "azp": azp is not None and azp != upstream.client_id,
        "exp": not _is_time(claims.get("exp"), after=now - LEEWAY),
        "iat": not _is_time(claims.get("iat"), after=now - _OLDEST, before=now + LEEWAY),
        "nonce": claims.get("nonce") != nonce,
        "sub": not (isinstance(subject, str) and 0 < len(subject) <= _LONGEST),
        "auth_time": max_age is not None and not _is_time(claims.get("auth_time"), after=now - max_age - LEEWAY),
    }
    if found := [name for name, is_wrong in wrong.items() if is_wrong]:
        raise AccessDenied("the answer does not hold", detail=" ".join(found))
    return str(subject)


def check_access_token(claims: Claims, alg: str, access_token: str) -> None:
    """Accept the access token beside an ID token: userinfo is asked with it. Raises AccessDenied. §3.1.3.8."""
    told = claims.get("at_hash")
    if told is not None and alg.endswith("256") and told != at_hash(access_token):
        raise AccessDenied("the answer does not hold", detail="at_hash")


def _is_time(value: object, *, after: float, before: float = float("inf")) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and after < value <= before


def person_of(claims: Claims, upstream: Upstream, subject: str) -> Newcomer:
    """Who they are. An address counts for its domain only if the provider verified it. §5.1, §5.7.

    The name is for people to read; two may have the same one.
    """
    name = claims.get(upstream.name_claim)
    shown = "".join(filter(str.isprintable, name)).strip()[:_LONGEST_NAME] if isinstance(name, str) else ""
    email = claims.get("email")
    verified = claims.get("email_verified") is True and isinstance(email, str)
    return Newcomer(
        subject="",
        issuer=upstream.issuer,
        upstream_subject=subject,
        name=shown or subject[:_LONGEST_NAME],
        domain=str(email).rpartition("@")[2].lower() if verified else "",
    )


def lacks(claims: Claims, upstream: Upstream) -> bool:
    """Whether the provider must be asked for more than its ID token says. §5.4."""
    return upstream.name_claim not in claims or (bool(upstream.domains) and "email" not in claims)


def is_let_in(person: Newcomer, upstream: Upstream | None) -> bool:
    """Whether we let in whom the provider vouches for; asked again whenever they go on."""
    if upstream is None or person.issuer != upstream.issuer or person.upstream_subject in upstream.refused:
        return False
    known_domain = bool(person.domain) and person.domain in upstream.domains
    return upstream.everyone or known_domain or person.upstream_subject in upstream.subjects
