"""What the shape of identity.yaml cannot say: names that must exist, and fields that go together."""

from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from auth_server.errors import InvalidRedirectUri, InvalidTarget
from auth_server.identity.delegation_checks import backchannels, delegation, id_jags
from auth_server.identity.lines import Place
from auth_server.identity.people_checks import Finding, repeated, upstream, users
from auth_server.identity.shape import ClientShape, IdentityShape, JwkSet, TrustedIssuerShape
from auth_server.jose import check_public
from auth_server.models import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from auth_server.rules.oauth21_redirect_uri import check_registered
from auth_server.rules.rfc8414_metadata import is_loopback
from auth_server.rules.rfc8707_resource import canonical


def findings(shape: IdentityShape) -> list[Finding]:
    """Everything that does not fit together."""
    checks: tuple[Callable[[IdentityShape], Iterator[Finding]], ...] = (
        _resources,
        _implications,
        _clients,
        _code_clients,
        users,
        upstream,
        _workloads,
        delegation,
        backchannels,
        id_jags,
        _trusted_issuers,
        _defaults,
    )
    return [finding for check in checks for finding in check(shape)]


def _resources(shape: IdentityShape) -> Iterator[Finding]:
    yield from repeated((resource.uri for resource in shape.resources), "resources", "uri")
    yield from repeated((resource.name for resource in shape.resources), "resources", "name")
    for index, resource in enumerate(shape.resources):
        if not _is_canonical(resource.uri):
            yield ("resources", index, "uri"), "must be an absolute URI with scheme and host in lower case"
        for at, scope in enumerate(resource.default_scopes):
            if scope not in resource.scopes:
                yield ("resources", index, "default_scopes", at), f"{scope!r} is not one of its scopes"


def _is_canonical(uri: str) -> bool:
    try:
        return canonical(uri) == uri
    except InvalidTarget:
        return False


def _implications(shape: IdentityShape) -> Iterator[Finding]:
    known = {scope for resource in shape.resources for scope in resource.scopes}
    for name, scope in shape.scopes.items():
        if name not in known:
            yield ("scopes", name), f"no resource has the scope {name!r}"
        for at, implied in enumerate(scope.implies):
            if implied not in known:
                yield ("scopes", name, "implies", at), f"no resource has the scope {implied!r}"


def _clients(shape: IdentityShape) -> Iterator[Finding]:
    yield from repeated((client.client_id for client in shape.clients), "clients", "client_id")
    scopes = {resource.uri: resource.scopes for resource in shape.resources}
    for index, client in enumerate(shape.clients):
        yield from _proof(("clients", index), client)
        for uri, allowed in (client.resources or {}).items():
            if uri not in scopes:
                yield ("clients", index, "resources", uri), "is not a declared resource"
                continue
            for at, scope in enumerate(allowed):
                if scope not in scopes[uri]:
                    yield ("clients", index, "resources", uri, at), f"{scope!r} is not a scope of this resource"


def _proof(place: Place, client: ClientShape) -> Iterator[Finding]:
    given = [name for name in ("secret", "jwks", "workload") if getattr(client, name) is not None]
    if client.token_endpoint_auth_method == "none":
        if given:
            yield (*place, given[0]), "is nothing for token_endpoint_auth_method none"
        return
    fitting = ("jwks", "workload") if client.token_endpoint_auth_method == "private_key_jwt" else ("secret",)
    if len(given) != 1 or given[0] not in fitting:
        wanted = " or ".join(fitting)
        yield (
            (*place, "token_endpoint_auth_method"),
            f"{client.token_endpoint_auth_method} needs {wanted}, and that alone",
        )
    yield from _keys((*place, "jwks"), client.jwks)


def _keys(place: Place, jwks: JwkSet | None) -> Iterator[Finding]:
    for index, key in enumerate(jwks["keys"] if jwks and "keys" in jwks else []):
        try:
            check_public(key)
        except ValueError as error:
            yield (*place, "keys", index), str(error)
    if jwks is not None and "keys" not in jwks:
        yield place, "must have the member 'keys'"


def _code_clients(shape: IdentityShape) -> Iterator[Finding]:
    for index, client in enumerate(shape.clients):
        place: Place = ("clients", index)
        yield from _grants(place, client)
        for at, uri in enumerate(client.redirect_uris):
            try:
                check_registered(uri, native=client.application_type == "native")
            except InvalidRedirectUri as refused:
                yield (*place, "redirect_uris", at), refused.description


def _grants(place: Place, client: ClientShape) -> Iterator[Finding]:
    code, machine = AUTHORIZATION_CODE in client.grant_types, CLIENT_CREDENTIALS in client.grant_types
    if machine and client.token_endpoint_auth_method == "none":
        yield (*place, "grant_types"), "client_credentials is for clients that prove themselves"
    if machine and client.resources is None:
        yield (*place, "resources"), "is required with client_credentials"
    if code != bool(client.redirect_uris):
        yield (*place, "redirect_uris"), "goes with grant_types authorization_code: both or none"
    if REFRESH_TOKEN in client.grant_types and not code:
        yield (*place, "grant_types"), "refresh_token goes with authorization_code"


def _workloads(shape: IdentityShape) -> Iterator[Finding]:
    trusted = {issuer.issuer for issuer in shape.trusted_issuers}
    seen: set[tuple[str, str]] = set()
    for index, client in enumerate(shape.clients):
        if client.workload is None:
            continue
        who = (client.workload.issuer, client.workload.subject)
        if client.workload.issuer not in trusted:
            yield ("clients", index, "workload", "issuer"), "is not one of trusted_issuers"
        if who in seen:
            yield ("clients", index, "workload", "subject"), "stands for another client already"
        seen.add(who)


def _trusted_issuers(shape: IdentityShape) -> Iterator[Finding]:
    yield from repeated((issuer.issuer for issuer in shape.trusted_issuers), "trusted_issuers", "issuer")
    for index, issuer in enumerate(shape.trusted_issuers):
        yield from _issuer_keys(("trusted_issuers", index), issuer)


def _issuer_keys(place: Place, issuer: TrustedIssuerShape) -> Iterator[Finding]:
    if (issuer.jwks_uri is None) == (issuer.jwks is None):
        yield place, "needs jwks_uri or jwks, one of them"
    if issuer.jwks_uri is not None:
        url = urlsplit(issuer.jwks_uri)
        if url.scheme != "https" and not is_loopback(url.hostname):
            yield (*place, "jwks_uri"), "must be https (http only on loopback)"
    if issuer.jwks_uri is None and (issuer.ca_file or issuer.token_file):
        yield place, "ca_file and token_file are for jwks_uri"
    yield from _keys((*place, "jwks"), issuer.jwks)


def _defaults(shape: IdentityShape) -> Iterator[Finding]:
    if shape.default_resource is not None and shape.default_resource not in {found.uri for found in shape.resources}:
        yield ("default_resource",), "is not a declared resource"
    for index, client in enumerate(shape.clients):
        if client.default_resource is not None and client.default_resource not in _reached(shape, client):
            yield ("clients", index, "default_resource"), "is not one of its resources"


def _reached(shape: IdentityShape, client: ClientShape) -> Iterable[str]:
    return [found.uri for found in shape.resources] if client.resources is None else client.resources
