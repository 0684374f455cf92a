"""A JWK Set, read: which of its keys may verify what. RFC 7517, RFC 7518 §6; signatures are PyJWT's."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from jwt.algorithms import Algorithm, get_default_algorithms
from jwt.exceptions import PyJWTError

from resource_server.errors import KeySourceError

_LOG = logging.getLogger("resource_server.keys")
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_FITTING: dict[tuple[object, object], tuple[str, ...]] = {
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
    ("RSA", None): _RSA,
}
_SMALLEST_RSA, _LARGEST_RSA, _MOST_KEYS = 2048, 8192, 100
_SIGNATURES: dict[str, Algorithm] = get_default_algorithms()
_SIGNATURES.setdefault("Ed25519", _SIGNATURES["EdDSA"])  # RFC 9864's name for the same signature


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """One public key, tied to one algorithm."""

    algorithm: Algorithm
    key: Any

    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether the signature over these bytes is this key's."""
        return self.algorithm.verify(signing_input, self.key, signature)


KeySet: TypeAlias = Mapping[tuple[str | None, str], VerifyingKey]


def read_key_set(document: Mapping[str, object], algorithms: Collection[str]) -> KeySet:
    """The usable keys by (kid, alg). Keys that are not for signatures, weak, private or ambiguous are left out.

    Raises KeySourceError when nothing usable is left.
    """
    keys = document.get("keys")
    if not isinstance(keys, list) or len(cast("list[object]", keys)) > _MOST_KEYS:
        raise KeySourceError("this is no JWK Set, or one with too many keys")
    found: dict[tuple[str | None, str], VerifyingKey | None] = {}
    for jwk in cast("list[object]", keys):
        if isinstance(jwk, dict):
            for name, key in _usable(cast("dict[str, Any]", jwk), algorithms).items():
                found[name] = None if name in found else key
    usable = {name: key for name, key in found.items() if key is not None}
    if not usable:
        raise KeySourceError("the JWK Set holds no key that this door accepts")
    return usable


def _usable(jwk: dict[str, Any], algorithms: Collection[str]) -> dict[tuple[str | None, str], VerifyingKey]:
    key_id = jwk.get("kid")
    if not _is_for_signatures(jwk) or not (key_id is None or isinstance(key_id, str)):
        return {}
    try:
        fitting = _FITTING.get((jwk.get("kty"), jwk.get("crv")), ())
        named = [name for name in fitting if name in algorithms and jwk.get("alg", name) == name]
        return {(key_id, name): _key_of(jwk, name) for name in named}
    except (PyJWTError, ValueError, TypeError, KeyError) as error:
        _LOG.warning("a key of the JWK Set is not usable: kid=%.60r %s", key_id, error)
        return {}


def _is_for_signatures(jwk: Mapping[str, object]) -> bool:
    """RFC 7517 §4.2, §4.3. A key published with its private part belongs to everybody."""
    operations = jwk.get("key_ops", ["verify"])
    verifies = isinstance(operations, list) and "verify" in cast("Sequence[object]", operations)
    return jwk.get("use", "sig") == "sig" and verifies and "d" not in jwk


def _key_of(jwk: dict[str, Any], name: str) -> VerifyingKey:
    algorithm = _SIGNATURES[name]
    key: Any = algorithm.from_jwk(jwk)
    if name in _RSA and not _SMALLEST_RSA <= key.key_size <= _LARGEST_RSA:
        raise ValueError(f"an RSA key of {key.key_size} bits")
    return VerifyingKey(algorithm, algorithm.prepare_key(key))
