"""client_credentials: a client that acts for itself. RFC 6749 §4.4."""

from collections.abc import Callable

from auth_server.errors import UnauthorizedClient, about
from auth_server.form import Form
from auth_server.models import CLIENT_CREDENTIALS, Client, Grant, Identity
from auth_server.rules import rfc6749_scope as scope
from auth_server.rules import rfc8707_resource as resource
from auth_server.rules.rfc9068_access_token import machine_subject

_MOST = 4096
_LONGEST = 1024


async def redeem(form: Form, client: Client, identity: Identity) -> Grant:
    """Say what an authenticated client gets. Raises UnauthorizedClient, InvalidTarget, InvalidScope."""
    return entitlement(form, client, identity)


class Entitlements:
    """What machines get, worked out once for what each of them asks, until identity or the client is another."""

    def __init__(self, identity: Callable[[], Identity]) -> None:
        self._identity = identity
        self._within: Identity | None = None
        self._known: dict[tuple[object, ...], tuple[Client, Grant]] = {}

    def __call__(self, form: Form, client: Client) -> Grant:
        """The same as `entitlement`, with identity as it is now."""
        identity = self._identity()
        if identity is not self._within or len(self._known) >= _MOST:
            self._within, self._known = identity, {}
        asked = client.client_id, form.all("resource"), form.one("audience"), form.one("scope")
        known = self._known.get(asked)
        # Whatever is changed about a client makes another of it: one that was disabled meets nothing of before.
        if known is not None and known[0] is client:
            return known[1]
        grant = entitlement(form, client, identity)
        if len(repr(asked)) <= _LONGEST:
            self._known[asked] = client, grant
        return grant


def entitlement(form: Form, client: Client, identity: Identity) -> Grant:
    """What an authenticated client gets. Raises UnauthorizedClient, InvalidTarget, InvalidScope."""
    if CLIENT_CREDENTIALS not in client.grant_types:
        raise UnauthorizedClient("this client is not registered for client_credentials")
    requested = resource.requested(form.all("resource"), form.one("audience"), known=identity.resources)
    reachable = [uri for uri in client.resources if uri in identity.resources]
    uri = resource.choose(requested, allowed=reachable, default=client.default_resource or identity.default_resource)

    target = identity.resources[uri]
    with about(resource=uri):
        within = scope.expand(client.resources[uri], identity.implies) & target.scopes.keys()
        scopes = scope.choose(scope.split(form.one("scope")), within=within, default=target.default_scopes)
    subject = machine_subject(client.client_id)
    return Grant(client_id=client.client_id, subject=subject, resource=target, scopes=scopes)
