"""Clients: made, listed, given new secrets, refused."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from auth_server.admin.refused import AdminError, reachable
from auth_server.directory import laid_over
from auth_server.enrolment import fresh_client_id, new_client
from auth_server.errors import InvalidClientMetadata
from auth_server.hashing import digest, fresh_secret
from auth_server.models import AuthMethod, Client, Identity, Overlay, Registered
from auth_server.registrations import is_registered_id
from auth_server.rules.rfc6749_client_auth import is_client_id
from auth_server.rules.rfc7591_registration import keys_of
from auth_server.store.clients import ClientRecords
from auth_server.store.registrations import RegistrationRecords
from sidecar.secrets import SecretMissing, Secrets
from sidecar.state import State

_KEY_METHOD = "private_key_jwt"
Origin: TypeAlias = Literal["identity.yaml", "run time", "registered itself"]


@dataclass(frozen=True, kw_only=True)
class NewSecret:
    """A client and its new secret, shown this once; None when it proves itself by key."""

    client_id: str
    client_secret: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class KnownClient:
    """A client as an operator sees it. `created` is in seconds since 1970, 0 for those of identity.yaml."""

    client_id: str
    client_name: str
    origin: Origin
    auth_method: AuthMethod
    resources: Mapping[str, tuple[str, ...]]
    disabled: bool
    created: int


async def add_client(  # noqa: PLR0913  what a client is
    state: State,
    identity: Identity,
    *,
    resources: Mapping[str, Sequence[str]],
    client_id: str | None = None,
    client_name: str = "",
    auth_method: AuthMethod = "client_secret_basic",
    jwks: Mapping[str, object] | None = None,
) -> NewSecret:
    """Make a client. Raises AdminError: the id is taken or malformed, a resource, scope or key is no good."""
    name = fresh_client_id() if client_id is None else client_id
    if not is_client_id(name):
        raise AdminError(f"{name!r} cannot be a client id: letters, digits and . _ ~ - only, 128 at most")
    if (jwks is not None) != (auth_method == _KEY_METHOD):
        raise AdminError("private_key_jwt needs the client's public keys (jwks), the other methods have none")
    try:
        client, secret = new_client(
            name,
            client_name=client_name,
            resources=reachable(identity, resources),
            auth_method=auth_method,
            jwks=() if jwks is None else keys_of(jwks),
            now=int(time.time()),
        )
    except InvalidClientMetadata as refused:
        raise AdminError(refused.description) from None
    if name in identity.clients or not await ClientRecords(state).add(client):
        raise AdminError(f"there is a client {name!r} already")
    return NewSecret(client_id=name, client_secret=secret)


async def list_clients(state: State, identity: Identity) -> tuple[KnownClient, ...]:
    """Clients of identity.yaml, those made at run time, and those that registered themselves; the oldest first."""
    records = ClientRecords(state)
    overlays = await records.overlays()
    declared = (laid_over(client, overlays.get(name)) for name, client in identity.clients.items())
    made = [client for name in await records.ids() if (client := await records.find(name))]
    themselves = [row.client for row in await RegistrationRecords(state, time.time).listed()]
    return (
        *(_known(client, "identity.yaml") for client in declared),
        *(_known(client, "run time") for client in made if client.client_id not in identity.clients),
        *(_known(client, "registered itself") for client in sorted(themselves, key=lambda client: client.created)),
    )


async def rotate_secret(state: State, secrets: Secrets, identity: Identity, client_id: str) -> NewSecret:
    """Give a client a new secret; the one before stays valid until the next rotation, older ones do not.

    Raises AdminError: no such client, or it has no secret. Raises SecretsUnavailable.
    """
    fresh = fresh_secret()
    declared = identity.clients.get(client_id)
    if declared is None:
        await _change_made(state, client_id, lambda client: _with_secret(client, digest(fresh)))
    elif declared.secret_name is None:
        raise AdminError(f"client {client_id!r} has no secret: it proves itself by key")
    else:
        stored = await _stored(secrets, declared.secret_name)
        await ClientRecords(state).change_overlay(client_id, lambda overlay: _rotated(overlay, digest(fresh), stored))
    return NewSecret(client_id=client_id, client_secret=fresh)


async def disable_client(state: State, identity: Identity, client_id: str, *, disabled: bool = True) -> None:
    """Refuse a client from now on, or accept it again. Its tokens live until they expire. Raises AdminError."""
    if client_id in identity.clients:
        await ClientRecords(state).change_overlay(client_id, lambda overlay: replace(overlay, disabled=disabled))
    else:
        await _change_made(state, client_id, lambda client: replace(client, disabled=disabled))


async def _change_made(state: State, client_id: str, change: Callable[[Client], Client]) -> None:
    known = is_client_id(client_id) and await ClientRecords(state).change(client_id, change) is not None
    if not known and not await _change_registered(state, client_id, change):
        raise AdminError(f"there is no client {client_id!r}")


async def _change_registered(state: State, client_id: str, change: Callable[[Client], Client]) -> bool:
    """Nobody comes to share a row that an operator changed."""

    def changed(row: Registered) -> Registered:
        return replace(row, client=change(row.client), software="")

    records = RegistrationRecords(state, time.time)
    return is_registered_id(client_id) and await records.change(client_id, changed) is not None


def _with_secret(client: Client, fresh: str) -> Client:
    if client.auth_method not in ("client_secret_basic", "client_secret_post"):
        raise AdminError(f"client {client.client_id!r} has no secret: it proves itself by key, or not at all")
    return replace(client, secret_hashes=(fresh, *client.secret_hashes[:1]))


async def _stored(secrets: Secrets, name: str) -> tuple[str, ...]:
    """The hashes of what the secret store holds for a client, the current one first."""
    try:
        found = await secrets.get(name)
    except SecretMissing:
        return ()
    return tuple(digest(found[key].strip()) for key in ("secret", "previous") if key in found)


def _rotated(overlay: Overlay, fresh: str, stored: tuple[str, ...]) -> Overlay:
    """The newest valid secret and the fresh one stay; the secret store's others are retired: it is not ours to write.

    A secret that is put into the store later is in no list and valid at once.
    """
    valid = (*overlay.secret_hashes, *(known for known in stored if known not in overlay.retired_hashes))
    kept = valid[:1]
    retired = (known for known in stored if known not in kept)
    return replace(
        overlay,
        secret_hashes=(fresh, *overlay.secret_hashes[:1]),
        retired_hashes=tuple(dict.fromkeys((*overlay.retired_hashes, *retired)))[-16:],
    )


def _known(client: Client, origin: Origin) -> KnownClient:
    return KnownClient(
        client_id=client.client_id,
        client_name=client.client_name,
        origin=origin,
        auth_method=client.auth_method,
        resources=client.resources,
        disabled=client.disabled,
        created=client.created,
    )
