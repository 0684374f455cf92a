"""Signs access tokens, publishes the public keys, and knows its own tokens again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import orjson

from auth_server import key_ring
from auth_server.errors import ServerError
from auth_server.jose import Jws, verified
from auth_server.key_material import ALGORITHMS, Material, b64, from_der, generate
from auth_server.models import Claims, KeyRecord, Ring, SigningAlg
from auth_server.rules.openid_id_token import ALGORITHM
from auth_server.rules.rfc9068_access_token import TYP
from auth_server.sealing import Sealer
from auth_server.store.contract import Rings

_ID_TOKEN = "JWT"


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key ready to sign; the header is the same for each of its tokens, so it is encoded once."""

    kid: str
    material: Material
    head: bytes = field(repr=False)

    def token(self, claims: Claims) -> str:
        """A signed access token."""
        signed = self.head + b64(orjson.dumps(claims))
        return (signed + b"." + b64(self.material.sign(signed))).decode()


class Keys:
    """The ring as this replica sees it. `refresh` makes it when there is none and reads what others changed."""

    def __init__(self, rings: Rings, sealer: Sealer, clock: Callable[[], float]) -> None:
        self._rings = rings
        self._sealer = sealer
        self._clock = clock
        self._ring = Ring(keys=())
        self._opened: Mapping[str, SigningKey] = {}
        self._current: dict[SigningAlg, tuple[float, SigningKey, float]] = {}

    async def refresh(self) -> None:
        """Agree with the store. Raises StateUnavailable, KeyEncryptionKeyError."""
        ring = await self._rings.read() or await self._found()
        if ring != self._ring:
            self._opened = {key.kid: self._opened.get(key.kid) or self._open(key) for key in ring.keys}
            self._ring, self._current = ring, {}

    def current(self, alg: SigningAlg) -> SigningKey:
        """The key that signs now, looked up once for as long as it does. Raises ServerError when none is active yet."""
        now, known = self._clock(), self._current.get(alg)
        if known is not None and known[0] <= now < known[2]:
            return known[1]
        record = self._active(alg, now)
        key, end = self._opened[record.kid], key_ring.retired_at(self._ring, record)
        self._current[alg] = (record.active_from or 0, key, float("inf") if end is None else end)
        return key

    def sign(self, alg: SigningAlg, claims: Claims) -> str:
        """A signed access token. Raises ServerError when no key is active yet."""
        return self.current(alg).token(claims)

    def sign_id_token(self, claims: Claims) -> str:
        """A signed ID token: of another type, so that it counts as access token nowhere. Raises ServerError."""
        key = self.current(ALGORITHM)
        head = b64(orjson.dumps({"alg": ALGORITHM, "typ": _ID_TOKEN, "kid": key.kid})) + b"."
        return replace(key, head=head).token(claims)

    def jwks(self) -> bytes:
        """The JWK Set of all keys that a verifier may meet. RFC 7517 §5."""
        records = key_ring.published(self._ring, self._clock())
        keys = [self._opened[record.kid].material.public for record in records]
        return orjson.dumps({"keys": keys})

    def recognise(self, token: str) -> Claims | None:
        """The claims of an access token that this server signed, expired or not; None for anything else."""
        return self._recognise(token, TYP)

    def recognise_id_token(self, token: str) -> Claims | None:
        """The claims of an ID token that this server signed, expired or not; None for anything else."""
        return self._recognise(token, _ID_TOKEN)

    def _recognise(self, token: str, typ: str) -> Claims | None:
        jws = Jws.parse(token)
        if jws is None or jws.header.get("typ") != typ:
            return None
        opened = self._opened.get(str(jws.header.get("kid")))
        if opened is None or jws.header.get("alg") != opened.material.alg:
            return None
        return jws.claims if verified(jws, [opened.material.public], opened.material.alg) else None

    def _active(self, alg: SigningAlg, now: float) -> KeyRecord:
        try:
            return key_ring.current(self._ring, alg, now)
        except LookupError as none:
            raise ServerError("no signing key is active", detail=str(none)) from none

    async def _found(self) -> Ring:
        """Make the first ring; when another replica was quicker, its ring is the one."""
        now = int(self._clock())
        ring = key_ring.first(fresh_keys(self._sealer, now), fresh_keys(self._sealer, now), now)
        if await self._rings.insert(ring):
            return ring
        return await self._rings.read() or ring

    def _open(self, key: KeyRecord) -> SigningKey:
        material = from_der(key.alg, self._sealer.open(key.sealed, _about(key)))
        head = orjson.dumps({"alg": key.alg, "typ": TYP, "kid": key.kid})
        return SigningKey(kid=key.kid, material=material, head=b64(head) + b".")


def fresh_keys(sealer: Sealer, now: int) -> list[KeyRecord]:
    """One new key of each algorithm, published now, scheduled by nobody."""
    return [_sealed(generate(alg), sealer, now) for alg in ALGORITHMS]


def _sealed(material: Material, sealer: Sealer, now: int) -> KeyRecord:
    bare = KeyRecord(kid=material.kid, alg=material.alg, published=now, active_from=None, sealed="")
    return replace(bare, sealed=sealer.seal(material.to_der(), _about(bare)))


def resealed(key: KeyRecord, sealer: Sealer) -> KeyRecord:
    """The same key, encrypted anew under the sealer's first key. Raises KeyEncryptionKeyError."""
    return replace(key, sealed=sealer.seal(sealer.open(key.sealed, _about(key)), _about(key)))


def _about(key: KeyRecord) -> str:
    return f"{key.alg} {key.kid}"
