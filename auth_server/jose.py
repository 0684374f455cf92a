"""Other people's JWTs: taken apart, and their signatures verified. Nothing a client sends raises here."""

import base64
import json
import re
import warnings
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, cast

from joserfc import jwk, jws
from joserfc.errors import JoseError, SecurityWarning

from auth_server.models import Claims, Jwk

AsymmetricKey: TypeAlias = jwk.ECKey | jwk.OKPKey | jwk.RSAKey

_PART = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 8192
_PARTS = 3
_PUBLIC = ("kty", "crv", "x", "y", "n", "e")
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_KINDS: dict[str, type[AsymmetricKey]] = {"EC": jwk.ECKey, "OKP": jwk.OKPKey, "RSA": jwk.RSAKey}
_KTY = {"ES": "EC", "RS": "RSA", "PS": "RSA", "Ed": "OKP"}
_CRV = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_RSA_BITS = 2048


@dataclass(frozen=True, kw_only=True)
class Jws:
    """A compact JWS whose payload is a JSON object. Nothing in it is proven yet."""

    compact: str
    header: Mapping[str, object]
    claims: Claims

    @property
    def signed(self) -> str:
        """The part that the signature covers."""
        return self.compact.rpartition(".")[0]

    @classmethod
    def parse(cls, compact: str) -> "Jws | None":
        """Take it apart; None for what is no JWS in compact form with claims."""
        parts = compact.split(".")
        if len(compact) > _LONGEST or len(parts) != _PARTS or not all(map(_PART.fullmatch, parts)):
            return None
        header, claims = _json_object(parts[0]), _json_object(parts[1])
        return None if header is None or claims is None else cls(compact=compact, header=header, claims=claims)


def verified(token: Jws, keys: Iterable[Jwk], alg: str) -> bool:
    """Whether one of the keys that may be meant made the signature, with this algorithm and no other."""
    return any(_verifies(token.compact, key, alg) for key in candidates(keys, token.header.get("kid"), alg))


def candidates(keys: Iterable[Jwk], kid: object, alg: str) -> list[Jwk]:
    """The keys of the right kind; of the right name too, where both sides give one. RFC 7515 §6."""
    return [key for key in keys if _suits(key, alg) and (kid is None or key.get("kid") in (None, kid))]


def check_public(key: Jwk) -> None:
    """Accept a public signature key. Raises ValueError: private, symmetric, weak or malformed."""
    if private := _PRIVATE.intersection(key):
        raise ValueError(f"a key must be without its private part: {', '.join(sorted(private))}")
    parts = {name: value for name, value in key.items() if isinstance(value, str) and name in _PUBLIC}
    if not isinstance(key.get("kid", ""), str) or key.get("use", "sig") != "sig":
        raise ValueError("a key has a string as kid, and is for signatures")
    _checked(parts)


def _suits(key: Jwk, alg: str) -> bool:
    if key.get("kty") != _KTY[alg[:2]] or key.get("use", "sig") != "sig":
        return False
    if key.get("alg", alg) not in (alg, "EdDSA" if alg == "Ed25519" else alg):
        return False
    return key.get("crv") == _CRV.get(alg, "Ed25519" if alg.startswith("Ed") else None)


def _verifies(compact: str, key: Jwk, alg: str) -> bool:
    public = _imported(tuple((name, value) for name in _PUBLIC if isinstance(value := key.get(name), str)))
    if public is None:
        return False
    try:
        with _quiet():
            jws.deserialize_compact(compact, public, algorithms=[alg])
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True


@lru_cache(maxsize=512)
def _imported(parts: tuple[tuple[str, str], ...]) -> AsymmetricKey | None:
    """The key, or None for one that must not count."""
    try:
        return _checked(dict(parts))
    except ValueError:
        return None


def _checked(key: Mapping[str, str]) -> AsymmetricKey:
    kind = _KINDS.get(key.get("kty", ""))
    if kind is None:
        raise ValueError("a key must be a public RSA, EC or OKP key")
    try:
        with _quiet():
            imported = kind.import_key(dict(key))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"a key is malformed: {type(error).__name__}") from None
    if isinstance(imported, jwk.RSAKey) and imported.public_key.key_size < _RSA_BITS:
        raise ValueError(f"an RSA key has at least {_RSA_BITS} bits")
    return imported


@contextmanager
def _quiet() -> Generator[None]:
    """The library warns of the name EdDSA, which RFC 9864 replaces and all still use, and of weak keys."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        yield


def _json_object(part: str) -> Mapping[str, object] | None:
    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()
        value: object = json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A name that appears twice means two things to two readers. RFC 7519 §4."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    return found


def _refused(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
