"""What an operator is told, and what both clients and invitations must name."""

from collections.abc import Mapping, Sequence

from auth_server.models import Identity


class AdminError(ValueError):
    """The operator asked for something that cannot be done; the message says what."""


def reachable(identity: Identity, resources: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Resources and scopes that exist. Raises AdminError with those that there are."""
    if not resources:
        raise AdminError("name at least one resource")
    for uri, scopes in resources.items():
        if uri not in identity.resources:
            raise AdminError(f"{uri} is not a resource of identity.yaml; there are: {', '.join(identity.resources)}")
        known = ", ".join(identity.resources[uri].scopes)
        if unknown := [scope for scope in scopes if scope not in identity.resources[uri].scopes]:
            raise AdminError(f"{uri} has no scope {', '.join(unknown)}; it has: {known}")
        if not scopes:
            raise AdminError(f"name at least one scope of {uri}: {known}")
    return {uri: tuple(dict.fromkeys(scopes)) for uri, scopes in resources.items()}
