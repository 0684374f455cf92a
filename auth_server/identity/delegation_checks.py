"""What the shape of identity.yaml cannot say about acting for others, asking people, and issuers that let them in."""

from collections.abc import Iterator, Mapping

from auth_server.identity.lines import Place
from auth_server.identity.shape import ClientShape, IdentityShape
from auth_server.models import JWT_BEARER

Finding = tuple[Place, str]


def delegation(shape: IdentityShape) -> Iterator[Finding]:
    """Clients that act for others: what they serve, and how far each scope of it goes."""
    scopes = {resource.uri: resource.scopes for resource in shape.resources}
    served: set[str | None] = set()
    for index, client in enumerate(shape.clients):
        place: Place = ("clients", index)
        if client.answers_at is not None and client.answers_at not in scopes:
            yield (*place, "answers_at"), "is not a declared resource"
        if client.answers_at is not None and client.answers_at in served:
            yield (*place, "answers_at"), "is served by another client already"
        served.add(client.answers_at)
        if client.delegation:
            yield from _delegation(place, client, scopes)
        if client.token_endpoint_auth_method == "none" and JWT_BEARER in client.grant_types:
            yield (*place, "grant_types"), "jwt-bearer is for clients that prove themselves"


def _delegation(place: Place, client: ClientShape, scopes: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    if client.answers_at is None:
        yield (*place, "answers_at"), "is required with delegation: whose tokens it may exchange"
    if client.token_endpoint_auth_method == "none":
        yield (*place, "delegation"), "is for clients that prove themselves"
    for held, onward in client.delegation.items():
        if held not in scopes.get(client.answers_at or "", {held: ""}):
            yield (*place, "delegation", held), "is not a scope of the resource that it answers at"
        for uri, given in onward.items():
            here: Place = (*place, "delegation", held, uri)
            if uri not in scopes or uri == client.answers_at:
                yield here, "must be another declared resource"
            else:
                yield from _scopes(here, given, scopes[uri])


def backchannels(shape: IdentityShape) -> Iterator[Finding]:
    """What clients may ask people for."""
    scopes = {resource.uri: resource.scopes for resource in shape.resources}
    for index, client in enumerate(shape.clients):
        if client.backchannel and client.token_endpoint_auth_method == "none":
            yield ("clients", index, "backchannel"), "is for clients that prove themselves"
        for uri, given in client.backchannel.items():
            place: Place = ("clients", index, "backchannel", uri)
            if uri not in scopes:
                yield place, "is not a declared resource"
            elif not given:
                yield place, "names no scope: leave the resource out"
            else:
                yield from _scopes(place, given, scopes[uri])


def id_jags(shape: IdentityShape) -> Iterator[Finding]:
    """What issuers of ID-JAGs may give."""
    scopes = {resource.uri: resource.scopes for resource in shape.resources}
    for index, issuer in enumerate(shape.trusted_issuers):
        for uri, given in issuer.id_jag.items():
            place: Place = ("trusted_issuers", index, "id_jag", uri)
            if uri not in scopes:
                yield place, "is not a declared resource"
            else:
                yield from _scopes(place, given, scopes[uri])


def _scopes(place: Place, given: list[str], known: Mapping[str, str]) -> Iterator[Finding]:
    for at, scope in enumerate(given):
        if scope not in known:
            yield (*place, at), f"{scope!r} is not a scope of this resource"
