"""From a refusal to a token endpoint, with every check on the way."""

from oauth_client.errors import AddressRefused, DiscoveryFailed, OAuthClientError, Unreachable
from oauth_client.models import Challenge, Document, ResourceMetadata, ServerMetadata
from oauth_client.rules import rfc8414_metadata, rfc9728_metadata
from oauth_client.rules.rfc6749_token import GRANT
from oauth_client.rules.rfc6750_challenge import challenge_of
from oauth_client.wire import Wire

_OK = 200
_UNAUTHORIZED = 401
_MOST_ISSUERS = 5


async def find_resource(wire: Wire, resource: str, challenged: str | None) -> ResourceMetadata:
    """The resource's own document: where the challenge says, else at the well-known places. RFC 9728 §3, §5.

    A challenge's URL that answers without a document leaves the well-known places to be tried;
    one that may not be fetched, or a document about another resource, ends it.
    Raises AddressRefused, DiscoveryFailed, ResourceMismatch.
    """
    places = rfc9728_metadata.well_known_urls(resource)
    if challenged is not None:
        places = ((challenged, (resource,)), *places)
    tried: list[tuple[str, str]] = []
    for url, identifiers in places:
        document = await _document(wire, url, tried)
        if document is not None:
            return rfc9728_metadata.read_metadata(document, identifiers, url)
    raise DiscoveryFailed(f"protected-resource metadata for {resource}", tried)


async def find_challenge(wire: Wire, resource: str) -> Challenge:
    """Ask the resource without a token, only to hear its challenge; empty without one. RFC 9728 §5.1."""
    try:
        answer = await wire.get(resource)
    except (AddressRefused, Unreachable):
        return Challenge()
    return challenge_of(answer.challenges) if answer.status == _UNAUTHORIZED else Challenge()


async def find_server(wire: Wire, issuers: tuple[str, ...], where: str, grant: str = GRANT) -> ServerMetadata:
    """The first of these issuers whose metadata is sound, reachable and offers this grant. RFC 8414 §3.

    Raises what went wrong with a sole issuer, or DiscoveryFailed listing what went wrong with each.
    """
    failures: list[tuple[str, OAuthClientError]] = []
    for issuer in issuers[:_MOST_ISSUERS]:
        try:
            return await _server(wire, rfc8414_metadata.check_issuer(issuer, where), grant)
        except OAuthClientError as error:
            failures.append((issuer, error))
    if len(failures) == 1:
        raise failures[0][1]
    raise DiscoveryFailed(
        f"usable authorization server of {where}", [(issuer, str(error)) for issuer, error in failures]
    )


async def _server(wire: Wire, issuer: str, grant: str) -> ServerMetadata:
    tried: list[tuple[str, str]] = []
    for url in rfc8414_metadata.metadata_urls(issuer):
        document = await _document(wire, url, tried)
        if document is not None:
            server = rfc8414_metadata.read_metadata(document, issuer, url)
            wire.check(server.token_endpoint)
            rfc8414_metadata.check_grant(server, grant)
            return server
    raise DiscoveryFailed(f"authorization-server metadata for {issuer}", tried)


async def _document(wire: Wire, url: str, tried: list[tuple[str, str]]) -> Document | None:
    try:
        answer = await wire.get(url)
    except Unreachable as error:
        tried.append((url, error.why))
        return None
    if answer.status == _OK and answer.document is not None:
        return answer.document
    tried.append((url, answer.why))
    return None
