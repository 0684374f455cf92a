"""Private keys at rest: encrypted with AES-256-GCM under a key from the secret store."""

import base64
import os
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sidecar.secrets import SecretMissing, Secrets

KEK_SECRET = "auth-server-kek"
_NONCE = 12
_KEK_BYTES = 32
_URLSAFE = str.maketrans("-_", "+/")


class KeyEncryptionKeyError(ValueError):
    """The key-encryption key is missing, malformed or not the one that the signing keys were encrypted under."""


class Sealer:
    """Encrypts under the first key, decrypts under any: a new key-encryption key can come before the old one goes."""

    def __init__(self, keks: Sequence[bytes]) -> None:
        self._keys = tuple(AESGCM(kek) for kek in keks)

    def seal(self, plain: bytes, about: str) -> str:
        """The sealed text; it opens only beside the same `about`."""
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + self._keys[0].encrypt(nonce, plain, about.encode())).decode()

    def open(self, sealed: str, about: str) -> bytes:
        """What was sealed. Raises KeyEncryptionKeyError."""
        try:
            raw = base64.b64decode(sealed, validate=True)
        except ValueError:
            raise KeyEncryptionKeyError(f"the stored signing key {about} is damaged") from None
        for key in self._keys:
            try:
                return key.decrypt(raw[:_NONCE], raw[_NONCE:], about.encode())
            except (InvalidTag, ValueError):
                continue
        raise KeyEncryptionKeyError(
            f"the signing key {about} does not open: the secret {KEK_SECRET!r} is not the one it was sealed under. "
            "Put that one back, or beside the new one as its key 'previous' if it was meant to change"
        )


async def read_sealer(secrets: Secrets) -> Sealer:
    """The sealer of this installation. Raises KeyEncryptionKeyError, SecretsUnavailable."""
    try:
        found = await secrets.get(KEK_SECRET)
    except SecretMissing as missing:
        raise KeyEncryptionKeyError(f"no key-encryption key, so no signing keys: {missing}") from missing
    return Sealer([_kek(found, name) for name in ("kek", "previous") if name == "kek" or name in found])


def _kek(found: Mapping[str, str], name: str) -> bytes:
    text = found.get(name, "").strip().rstrip("=").translate(_URLSAFE)
    try:
        kek = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        kek = b""
    if len(kek) != _KEK_BYTES:
        raise KeyEncryptionKeyError(f"the key {name!r} of the secret {KEK_SECRET!r} must be 32 bytes in base64url")
    return kek
