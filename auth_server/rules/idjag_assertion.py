"""Identity Assertion JWT Authorization Grant — is this ID-JAG sound, meant for us, and for this client?

Every refusal is invalid_grant (RFC 7521 §4.1.1). Whose signature it is, and whether it was seen before, is decided
elsewhere.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import cast

from auth_server.errors import InvalidGrant, InvalidScope, InvalidTarget
from auth_server.models import Claims, Client, Identity, Resource, TrustedIssuer
from auth_server.rules.rfc6749_scope import expand

TYP = "oauth-id-jag+jwt"
PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
LEEWAY = 30
LONGEST_LIFE = 600
"""How far away `exp` may be, in seconds: an ID-JAG is redeemed at once."""
_LONGEST = 512


def check_header(header: Mapping[str, object], algorithms: Collection[str]) -> str:
    """The algorithm, when the header is acceptable. Raises InvalidGrant. §3.1."""
    typ, alg = header.get("typ"), header.get("alg")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") != TYP:
        raise InvalidGrant(f"the assertion's typ must be {TYP}")
    if not isinstance(alg, str) or alg not in algorithms:
        raise InvalidGrant("the assertion's alg is not one that is accepted from its issuer")
    if "crit" in header or "b64" in header:
        raise InvalidGrant("the assertion's header has an extension that is not understood")
    return alg


def issuer_of(claims: Claims, trusted: Mapping[str, TrustedIssuer], own: str) -> TrustedIssuer:
    """The issuer, when we take its ID-JAGs. Raises InvalidGrant. §4.4.1; never one of our own, §8.3.

    The answer is the same for one that is not known and one that may do something else: no list is told. §8.4.
    """
    issuer = named_in(claims, "iss")
    found = trusted.get(issuer)
    if found is None or not found.id_jag or issuer == own:
        raise InvalidGrant("the assertion's issuer is not trusted for this", detail=issuer)
    return found


def check_claims(claims: Claims, client: Client, *, issuer: str, now: float) -> int:
    """Accept the claims and say when the assertion expires. Raises InvalidGrant. §3.1, §4.4.1; RFC 7523 §3."""
    if claims.get("aud") not in (issuer, [issuer]):
        raise InvalidGrant(f"the assertion's aud must be this issuer alone: {issuer}")
    if claims.get("client_id") != client.client_id:
        raise InvalidGrant("the assertion was issued to another client: its client_id must be the authenticated one")
    named_in(claims, "jti")
    named_in(claims, "sub")
    issued, expires = _time(claims, "iat"), _time(claims, "exp")
    if issued > now + LEEWAY or ("nbf" in claims and _time(claims, "nbf") > now + LEEWAY):
        raise InvalidGrant("the assertion begins in the future: compare the clocks")
    if expires + LEEWAY <= now:
        raise InvalidGrant("the assertion has expired: get a new one")
    if expires > now + LONGEST_LIFE + LEEWAY or expires <= issued:
        raise InvalidGrant(f"the assertion's exp must lie after iat and within {LONGEST_LIFE} seconds")
    return math.ceil(expires)


def named_in(claims: Claims, name: str) -> str:
    """A claim that must be a short, non-empty string. Raises InvalidGrant."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise InvalidGrant(f"the assertion's {name} is missing or malformed")
    return value


def choose_target(claims: Claims, requested: str | None, trusted: TrustedIssuer, identity: Identity) -> Resource:
    """The one resource that the assertion names, which its issuer may give. Raises InvalidGrant, InvalidTarget. §5.

    `resource` is required here: without it a token would have no audience that the issuer decided on.
    """
    named = claims.get("resource")
    several = cast("list[object]", named) if isinstance(named, list) else [named]
    uri = several[0] if len(several) == 1 else None
    if not isinstance(uri, str):
        raise InvalidGrant("the assertion must name one resource: ask its issuer with the resource parameter")
    if uri not in identity.resources or uri not in trusted.id_jag:
        raise InvalidGrant("the assertion's resource is not one that its issuer may give access to", detail=uri)
    if requested not in (None, uri):
        raise InvalidTarget("the resource must be the one of the assertion")
    return identity.resources[uri]


def choose_scopes(
    claims: Claims, requested: Sequence[str], target: Resource, *, within: Collection[str]
) -> tuple[str, ...]:
    """What the assertion says, within what client and issuer may; a request may only narrow it. §4.4.1.

    An assertion without `scope` stands for the resource's defaults. Raises InvalidGrant, InvalidScope.
    """
    said = claims.get("scope", " ".join(target.default_scopes))
    if not isinstance(said, str):
        raise InvalidGrant("the assertion's scope is not a string")
    granted = tuple(dict.fromkeys(scope for scope in said.split() if scope in within))
    if wider := [scope for scope in requested if scope not in granted]:
        raise InvalidScope("the assertion does not give this here: " + " ".join(wider))
    if not granted:
        raise InvalidScope("the assertion gives no scope that this client may have here")
    return tuple(requested) or granted


def within(client: Client, trusted: TrustedIssuer, target: Resource, identity: Identity) -> frozenset[str]:
    """The most that this issuer may let this client have at a resource."""
    by_issuer = expand(trusted.id_jag[target.uri], identity.implies) & target.scopes.keys()
    if client.any_resource:
        return by_issuer
    return by_issuer & expand(client.resources.get(target.uri, ()), identity.implies)


def _time(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise InvalidGrant(f"the assertion's {name} is missing or is not a time")
    return float(value)
