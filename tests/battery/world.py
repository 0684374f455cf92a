"""What the battery knows of the server it is pointed at: its names, and the key of the issuer it trusts."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def b64(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A signing key of the test issuer; made of nothing that the door verifies with."""

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    kid: str

    @property
    def alg(self) -> str:
        return "RS256" if isinstance(self.key, rsa.RSAPrivateKey) else "ES256"

    def sign(self, signing_input: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(signing_input, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.key.sign(signing_input, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def public(self, *, der: bool = False) -> bytes:
        encoding = serialization.Encoding.DER if der else serialization.Encoding.PEM
        return self.key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)

    def jwk(self) -> dict[str, str]:
        """The public key as the issuer publishes it. RFC 7517, RFC 7518 §6."""
        about = {"kid": self.kid, "use": "sig", "alg": self.alg}
        if isinstance(self.key, rsa.RSAPrivateKey):
            of_rsa = self.key.public_key().public_numbers()
            return {"kty": "RSA", "n": _uint(of_rsa.n, 256), "e": _uint(of_rsa.e, 3), **about}
        of_ec = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _uint(of_ec.x, 32), "y": _uint(of_ec.y, 32), **about}


def _uint(number: int, size: int) -> str:
    return b64(number.to_bytes(size, "big")).decode()


@dataclass(frozen=True, kw_only=True)
class World:
    """A server, named by its resource, that trusts `issuer`, whose signing key is in our hands."""

    resource: str
    other_resource: str
    issuer: str
    signer: Signer
    baseline: str = "mcp:read"
    beyond_scope: str = "mcp:delete"
    read_tool: str = "list_notes"
    beyond_tool: str = "delete_note"
    max_body: int = 1024 * 1024
    now: float = field(default_factory=time.time)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims of a good token, changed; a claim changed to `...` is left out."""
        now = int(self.now)
        good = {
            "iss": self.issuer,
            "aud": self.resource,
            "sub": "battery",
            "client_id": "battery",
            "scope": self.baseline,
            "iat": now,
            "exp": now + 300,
            "jti": "battery",
        }
        return {name: value for name, value in {**good, **changes}.items() if value is not ...}

    def header(self, **changes: Any) -> dict[str, Any]:
        good = {"alg": self.signer.alg, "typ": "at+jwt", "kid": self.signer.kid}
        return {name: value for name, value in {**good, **changes}.items() if value is not ...}

    def token(
        self, header: Mapping[str, Any] | bytes | None = None, claims: Mapping[str, Any] | bytes | None = None
    ) -> bytes:
        """A token with a sound signature over whatever it is given."""
        return self.signed(header, claims, self.signer.sign)

    def signed(
        self,
        header: Mapping[str, Any] | bytes | None,
        claims: Mapping[str, Any] | bytes | None,
        sign: Callable[[bytes], bytes],
    ) -> bytes:
        signing_input = b64(_json(self.header() if header is None else header)) + b"."
        signing_input += b64(_json(self.claims() if claims is None else claims))
        return signing_input + b"." + b64(sign(signing_input))


def _json(value: Mapping[str, Any] | bytes) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()
