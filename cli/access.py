"""Which scopes at which resources: how the command line says it, and what that means."""

from collections.abc import Sequence

from auth_server.admin import Identity
from cli.errors import Failure, Usage


def access_from(
    resources: Sequence[str], scopes: Sequence[str], more: Sequence[str], identity: Identity
) -> dict[str, list[str]]:
    """Each named resource with those of the named scopes that it has; with none named, its default scopes.

    `more` holds values that followed the first one of an option: `--resource A B --scope x y`.
    Raises Usage, and Failure for a scope that no named resource has.
    """
    uris = [_uri(said, identity) for said in (*resources, *(word for word in more if "://" in word))]
    wanted = words([*scopes, *(word for word in more if "://" not in word)])
    if not uris:
        raise Usage("name at least one resource: --resource URI")
    known = {uri: identity.resources[uri].scopes for uri in uris}
    for scope in wanted:
        if not any(scope in scopes for scopes in known.values()):
            there_are = ", ".join(dict.fromkeys(scope for scopes in known.values() for scope in scopes))
            raise Failure(f"no named resource has the scope {scope}; there are: {there_are}")
    return {
        uri: [scope for scope in wanted if scope in known[uri]] or list(identity.resources[uri].default_scopes)
        for uri in uris
    }


def words(said: Sequence[str]) -> list[str]:
    """Scopes as they were said: one an option, or several in one, with spaces between them. RFC 6749 §3.3."""
    return list(dict.fromkeys(scope for one in said for scope in one.split()))


def _uri(said: str, identity: Identity) -> str:
    named = [resource.uri for resource in identity.resources.values() if said in {resource.uri, resource.name}]
    if not named:
        raise Failure(f"{said} is not a resource of identity.yaml; there are: {', '.join(identity.resources)}")
    return named[0]
