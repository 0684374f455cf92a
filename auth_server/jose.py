"""Other people's JWTs: taken apart, and their signatures verified. Nothing a client sends raises here."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from joserfc import jwk, jws
from joserfc.errors import JoseError

from auth_server.models import Claims, Jwk

_PART = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 8192
_PARTS = 3
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
    if key.get("kty") not in _KTY.values() or "d" in key:
        raise ValueError("a key must be a public RSA, EC or OKP key, without its private part")
    try:
        imported = jwk.import_key(cast("dict[str, str | list[str]]", dict(key)))
        bits = int(getattr(imported.raw_value, "key_size", _RSA_BITS))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"a key is malformed: {type(error).__name__}") from None
    if key["kty"] == "RSA" and bits < _RSA_BITS:
        raise ValueError(f"an RSA key has at least {_RSA_BITS} bits")


def _suits(key: Jwk, alg: str) -> bool:
    if key.get("kty") != _KTY[alg[:2]] or key.get("use", "sig") != "sig":
        return False
    if key.get("alg", alg) not in (alg, "EdDSA" if alg == "Ed25519" else alg):
        return False
    return key.get("crv") == _CRV.get(alg, "Ed25519" if alg.startswith("Ed") else None)


def _verifies(compact: str, key: Jwk, alg: str) -> bool:
    bare = {name: value for name, value in key.items() if name in ("kty", "crv", "x", "y", "n", "e")}
    try:
        check_public(bare)
        jws.deserialize_compact(compact, jwk.import_key(cast("dict[str, str | list[str]]", bare)), algorithms=[alg])
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True


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
