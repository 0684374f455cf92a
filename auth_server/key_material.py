"""Signing keys in the clear: made, signed with, shown as public JWKs. Nothing here is stored or shared."""

import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from joserfc import jwk

from auth_server.models import Jwk, SigningAlg

Private: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
Sign: TypeAlias = Callable[[bytes], bytes]
ALGORITHMS: tuple[SigningAlg, ...] = ("ES256", "RS256", "EdDSA")
_JWK: dict[SigningAlg, type[jwk.ECKey | jwk.OKPKey | jwk.RSAKey]] = {
    "ES256": jwk.ECKey,
    "EdDSA": jwk.OKPKey,
    "RS256": jwk.RSAKey,
}
_RSA_BITS = 2048
_P256_BYTES = 32
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, kw_only=True)
class Material:
    """A key pair: its public half as a JWK, and the way to sign."""

    alg: SigningAlg
    public: Jwk
    sign: Sign = field(repr=False)
    private: Private = field(repr=False)

    @property
    def kid(self) -> str:
        """The thumbprint. RFC 7638."""
        return str(self.public["kid"])

    def to_der(self) -> bytes:
        """The private key, for sealing. PKCS #8."""
        return self.private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def generate(alg: SigningAlg) -> Material:
    """A new key pair; RS256 takes a tenth of a second."""
    if alg == "ES256":
        return _material(alg, ec.generate_private_key(ec.SECP256R1()))
    if alg == "EdDSA":
        return _material(alg, ed25519.Ed25519PrivateKey.generate())
    return _material(alg, rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS))


def from_der(alg: SigningAlg, der: bytes) -> Material:
    """The key pair that was sealed. Raises ValueError when it is of another kind than `alg`."""
    key = serialization.load_der_private_key(der, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        raise ValueError(f"a stored {alg} key is of another kind")  # noqa: TRY004  the value came from the store
    return _material(alg, key)


def _material(alg: SigningAlg, key: Private) -> Material:
    return Material(alg=alg, private=key, public=_public(alg, key), sign=_signing(alg, key))


def _public(alg: SigningAlg, key: Private) -> Jwk:
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    public = _JWK[alg].import_key(pem)
    return {**public.as_dict(private=False), "kid": public.thumbprint(), "use": "sig", "alg": alg}


def _signing(alg: SigningAlg, key: Private) -> Sign:
    """Joserfc signs too, at half again the time: docs/decisions/0012."""
    if alg == "ES256" and isinstance(key, ec.EllipticCurvePrivateKey):
        return _es256(key)
    if alg == "EdDSA" and isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign
    if alg == "RS256" and isinstance(key, rsa.RSAPrivateKey):
        return lambda signed: key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    raise ValueError(f"a stored {alg} key is of another kind")


def _es256(key: ec.EllipticCurvePrivateKey) -> Sign:
    """Signatures as RFC 7518 §3.4 wants them: r and s at full length."""
    algorithm = ec.ECDSA(hashes.SHA256())

    def sign(signed: bytes) -> bytes:
        return _raw(key.sign(signed, algorithm))

    return sign


def _raw(der: bytes) -> bytes:
    """What OpenSSL made, SEQUENCE { INTEGER r, INTEGER s }, none longer than 33 bytes; so each length is one byte."""
    middle = 4 + der[3]
    r, s = der[4:middle], der[middle + 2 :]
    return r[-_P256_BYTES:].rjust(_P256_BYTES, b"\0") + s[-_P256_BYTES:].rjust(_P256_BYTES, b"\0")


def b64(raw: bytes) -> bytes:
    """Base64url without padding. RFC 7515 §2."""
    return binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE).rstrip(b"=")
