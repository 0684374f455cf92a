"""OAuth 2.1 §3.1, §7.3.1 — Consent: what a person is asked, and what need not be asked of them again."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from auth_server.errors import InvalidScope
from auth_server.models import REFRESH_TOKEN, Client, Identity, Resource
from auth_server.people import Listed
from auth_server.rules.oauth21_redirect_uri import is_loopback
from auth_server.rules.rfc6749_scope import expand

OFFLINE_ACCESS = "offline_access"
OPENID: Mapping[str, str] = {
    "openid": "Know who you are: an identifier that says nothing else about you",
    "profile": "Know the name that you sign in with",
    OFFLINE_ACCESS: "Stay connected while you are away, until you disconnect it",
}
"""Scopes that are no resource's own, and what they mean in words. OpenID Connect Core §5.4, §11."""


def reachable(client: Client, identity: Identity) -> tuple[str, ...]:
    """The resources that people may let a client reach."""
    return tuple(uri for uri in identity.resources if client.any_resource or uri in client.resources)


def within(client: Client, resource: Resource, identity: Identity) -> frozenset[str]:
    """The scopes that people may let a client have at a resource."""
    if client.any_resource:
        return frozenset(resource.scopes)
    return expand(client.resources.get(resource.uri, ()), identity.implies) & resource.scopes.keys()


def to_ask(requested: Sequence[str], client: Client, resource: Resource, identity: Identity) -> tuple[str, ...]:
    """The scopes to ask a person for. Raises InvalidScope. RFC 6749 §3.3.

    Here a request is narrowed, not refused as for a machine: many clients ask for every scope they have heard of, and
    the answer says what was granted. What no resource of this server knows is refused all the same.
    """
    known = {scope for each in identity.resources.values() for scope in each.scopes}
    if unknown := [scope for scope in requested if scope not in known and scope not in OPENID]:
        raise InvalidScope("unknown scope: " + " ".join(unknown))
    allowed = within(client, resource, identity)
    own = tuple(scope for scope in requested if scope in allowed)
    if not own and known.isdisjoint(requested):
        own = tuple(scope for scope in resource.default_scopes if scope in allowed)
    if not own:
        raise InvalidScope("no scope that the client may have at this resource was requested, nor is there a default")
    extra = tuple(scope for scope in requested if scope in OPENID and _has_a_use(scope, client))
    return (*own, *extra)


def _has_a_use(scope: str, client: Client) -> bool:
    return scope != OFFLINE_ACCESS or REFRESH_TOKEN in client.grant_types


def may_remember(client: Client, redirect_uri: str) -> bool:
    """Whether a person's decision may count the next time too. §7.3.1.

    Any program on a machine can listen on its loopback address: such a client must prove itself with more than that.
    """
    return client.proven and (client.auth_method != "none" or not is_loopback(redirect_uri))


def remembered(lines: Iterable[Listed], client_id: str, resource: str) -> frozenset[str]:
    """The scopes that a person allowed this client at this resource, to be remembered."""
    of_client = (line for line in lines if line.remembered and line.client_id == client_id)
    return frozenset(scope for line in of_client if line.resource == resource for scope in line.scopes)


def new(asked: Sequence[str], known: Collection[str], identity: Identity) -> tuple[str, ...]:
    """Of the scopes that are asked, those that are not allowed yet. MCP, step-up authorization."""
    covered = expand(known, identity.implies)
    return tuple(scope for scope in asked if scope not in covered)


def may_refresh(client: Client, asked: Collection[str], granted: Collection[str]) -> bool:
    """Whether a client gets a refresh token: it is registered for it, and the person did not strike offline_access.

    MCP 2026-07-28 lets clients say it by registering for refresh_token; asking for offline_access is optional there,
    and unknown to older clients.
    """
    struck = OFFLINE_ACCESS in asked and OFFLINE_ACCESS not in granted
    return REFRESH_TOKEN in client.grant_types and not struck
