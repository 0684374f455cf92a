"""A client's private key, from PEM or JWK, and the signature it makes."""

import json
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from joserfc import jwk, jwt
from joserfc.errors import InvalidKeyTypeError, JoseError, SecurityWarning

from oauth_client.errors import CredentialsUnusable

_UNREADABLE = (JoseError, ValueError, TypeError, KeyError)
_CURVES = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",), "Ed25519": ("EdDSA", "Ed25519")}


class SigningKey:
    """One private key and the algorithms it can sign with, the most widely known name first.

    Accepts a PEM or a JWK (dict or JSON). Raises CredentialsUnusable for a key that cannot sign; the message
    never shows anything of it.
    """

    def __init__(self, key: str | bytes | Mapping[str, object]) -> None:
        try:
            self._key = _import(key)
        except _UNREADABLE as error:
            raise CredentialsUnusable(f"the client's key cannot be read: {type(error).__name__}") from None
        if not self._key.is_private:
            raise CredentialsUnusable("the client's key is a public one; the private half is needed to sign")
        self.algorithms = _algorithms(self._key)

    def sign(self, alg: str, typ: str, claims: Mapping[str, str | int]) -> str:
        """A JWT in compact form. RFC 7515 §7.1."""
        header = {"alg": alg, "typ": typ} | ({"kid": self._key.kid} if self._key.kid else {})
        with warnings.catch_warnings():
            # "EdDSA" is the name that authorization servers list, RFC 9864 notwithstanding.
            warnings.simplefilter("ignore", SecurityWarning)
            return jwt.encode(header, dict(claims), self._key, algorithms=[alg])


def _import(key: str | bytes | Mapping[str, object]) -> jwk.RSAKey | jwk.ECKey | jwk.OKPKey:
    if isinstance(key, Mapping):
        return _from_jwk(key)
    data = key.encode() if isinstance(key, str) else key
    if data.lstrip().startswith(b"{"):
        return _from_jwk(cast("dict[str, object]", json.loads(data)))
    return _from_pem(data)


def _from_jwk(data: Mapping[str, object]) -> jwk.RSAKey | jwk.ECKey | jwk.OKPKey:
    kind = data.get("kty")
    if kind not in ("RSA", "EC", "OKP"):
        raise ValueError(kind)
    key = jwk.import_key(cast("dict[str, str | list[str]]", dict(data)))
    if isinstance(key, jwk.OctKey):
        raise TypeError(kind)
    return key


def _from_pem(data: bytes) -> jwk.RSAKey | jwk.ECKey | jwk.OKPKey:
    for kind in (jwk.ECKey, jwk.OKPKey, jwk.RSAKey):
        with suppress(InvalidKeyTypeError):
            return kind.import_key(data)
    raise ValueError


def _algorithms(key: jwk.RSAKey | jwk.ECKey | jwk.OKPKey) -> tuple[str, ...]:
    if key.alg:
        return (key.alg,)
    if isinstance(key, jwk.RSAKey):
        return ("RS256", "PS256")
    if key.curve_name not in _CURVES:
        raise CredentialsUnusable(f"a key on curve {key.curve_name} signs no JWT here")
    return _CURVES[key.curve_name]
