"""client_credentials: a client that acts for itself. RFC 6749 §4.4."""

from auth_server.errors import UnauthorizedClient, about
from auth_server.form import Form
from auth_server.models import CLIENT_CREDENTIALS, Client, Grant, Identity
from auth_server.rules import rfc6749_scope as scope
from auth_server.rules import rfc8707_resource as resource
from auth_server.rules.rfc9068_access_token import machine_subject


async def redeem(form: Form, client: Client, identity: Identity) -> Grant:
    """Say what an authenticated client gets. Raises UnauthorizedClient, InvalidTarget, InvalidScope."""
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
