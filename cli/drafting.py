"""What was said of a new agent, held against what identity.yaml and the profiles have already."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from auth_server.admin import Identity, IdentityError, load_identity
from cli.access import words
from cli.agent_files import Onward
from cli.errors import Failure, Usage
from cli.plan import AUTH_SERVER, KNOWN
from cli.ports import is_free
from cli.profiles import find_profiles, usual_ports
from cli.settings import Settings

_FIRST_PORT: Final = 8010
_USUAL_ASKERS: Final = ("operator",)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


def declarations(settings: Settings) -> Identity:
    """The whole identity file, checked. Raises Failure."""
    try:
        return load_identity(settings.identity)
    except IdentityError as error:
        raise Failure(str(error)) from error


def check_name(name: str, declared: Identity, settings: Settings) -> None:
    """Accept a name that nothing has yet. Raises Usage, Failure."""
    if not _NAME.fullmatch(name):
        raise Usage(f"{name} cannot be an agent's name: small letters, digits and hyphens, a letter first")
    if name in KNOWN or name in {resource.name for resource in declared.resources.values()}:
        raise Failure(f"{name} exists already: {settings.identity} has a resource of that name")
    if name in declared.clients:
        raise Failure(f"{name} exists already: {settings.identity} has a client of that name")
    if file := find_profiles(settings).get(name):
        raise Failure(f"{name} exists already: there is a profile {file}")


def next_port(declared: Identity, settings: Settings) -> int:
    """The first from 8010 on that nothing declared has, no profile names, and nobody listens on."""
    taken = {urlsplit(uri).port for uri in (settings.issuer, *declared.resources)}
    taken |= set(usual_ports(find_profiles(settings)).values())
    ports = (port for port in range(_FIRST_PORT, 2**16) if port not in taken and is_free(port, settings.host))
    return next(ports)


def onward(said: Sequence[str], declared: Identity, usual: Sequence[str]) -> list[Onward]:
    """`notes:mcp:read`: a resource's name, and a scope of it; without one its default scopes."""
    found: dict[str, list[str]] = {}
    by_name = {resource.name: resource for resource in declared.resources.values()}
    for one in said:
        name, _, scope = one.partition(":")
        if name not in by_name or name == AUTH_SERVER:
            raise Failure(f"identity.yaml has no resource named {name}; there are: {', '.join(by_name)}")
        scopes = [scope] if scope else list(usual or by_name[name].default_scopes)
        found[name] = words([*found.get(name, ()), *scopes])
    return [Onward(name=name, url=by_name[name].uri, scopes=scopes) for name, scopes in found.items()]


def askers(said: Sequence[str] | None, declared: Identity) -> list[str]:
    """Clients that get the right to ask it. Raises Failure for one that is unknown, or has no rights of its own."""
    if said is None:
        return [one for one in _USUAL_ASKERS if one in declared.clients and _has_rights(one, declared)]
    for one in said:
        if one not in declared.clients:
            raise Failure(f"identity.yaml has no client {one}; there are: {', '.join(declared.clients)}")
        if not _has_rights(one, declared):
            raise Failure(f"{one} reaches what people allow it: it needs no right of its own to ask")
    return list(dict.fromkeys(said))


def _has_rights(client_id: str, declared: Identity) -> bool:
    return "client_credentials" in declared.clients[client_id].grant_types
