"""Signing keys: listed, rotated."""

import time
from dataclasses import dataclass, replace

from auth_server import key_ring
from auth_server.keys import Keys, fresh_keys, resealed
from auth_server.models import Ring, SigningAlg
from auth_server.sealing import read_sealer
from auth_server.store.records import RingRecords
from sidecar.secrets import Secrets
from sidecar.state import State


@dataclass(frozen=True, kw_only=True)
class KnownKey:
    """A signing key as an operator sees it. Times are seconds since 1970; `active_from` is None while in waiting."""

    kid: str
    alg: SigningAlg
    role: key_ring.Role
    published: int
    active_from: int | None


async def list_keys(state: State) -> tuple[KnownKey, ...]:
    """The signing keys that are published; none before the first start."""
    return _listed(await RingRecords(state).read() or Ring(keys=()))


async def rotate_keys(state: State, secrets: Secrets) -> tuple[KnownKey, ...]:
    """Let the waiting keys sign as soon as everyone can know them, put new ones in waiting, forget long retired ones.

    All keys are encrypted anew under the current key-encryption key. Raises KeyEncryptionKeyError, SecretsUnavailable.
    """
    sealer = await read_sealer(secrets)
    rings = RingRecords(state)
    await Keys(rings, sealer, time.time).refresh()
    now = int(time.time())
    standby = fresh_keys(sealer, now)

    def change(ring: Ring) -> Ring:
        kept = replace(ring, keys=tuple(resealed(key, sealer) for key in ring.keys))
        return key_ring.rotate(kept, standby, now)

    return _listed(await rings.change(change) or Ring(keys=()))


def _listed(ring: Ring) -> tuple[KnownKey, ...]:
    now = time.time()
    return tuple(
        KnownKey(
            kid=key.kid,
            alg=key.alg,
            role=key_ring.role(ring, key, now),
            published=key.published,
            active_from=key.active_from,
        )
        for key in key_ring.published(ring, now)
    )
