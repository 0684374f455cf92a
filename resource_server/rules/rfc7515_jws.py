"""RFC 7515 — JSON Web Signature, compact form: what is signed, by which key it says, with what."""

import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

from resource_server.errors import InvalidToken, Unparseable
from resource_server.rules.rfc7493_json import read_json

ASYMMETRIC = frozenset(
    {"ES256", "ES384", "ES512", "EdDSA", "Ed25519", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}
)
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_COMPACT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CARRIES_A_KEY = ("jwk", "jku", "x5u")
_MALFORMED = "the access token is malformed"
_UNSUITABLE = "the access token is not signed in an acceptable way"


@dataclass(frozen=True, kw_only=True, slots=True)
class Jws:
    """A compact JWS taken apart. Nothing of it is to be believed before its signature is verified."""

    header: Mapping[str, object]
    payload: bytes
    signing_input: bytes
    signature: bytes


def take_apart(token: bytes) -> Jws:
    """Split and decode, once, strictly. §3.1, §5.2; RFC 8725 §3.11 wants no second reading. Raises InvalidToken."""
    if _COMPACT.fullmatch(token) is None:
        raise InvalidToken(_MALFORMED, detail="not three base64url parts")
    signing_input, _, signature = token.rpartition(b".")
    header, _, payload = signing_input.partition(b".")
    return Jws(
        header=object_of(_decoded(header)),
        payload=_decoded(payload),
        signing_input=signing_input,
        signature=_decoded(signature),
    )


def object_of(text: bytes) -> Mapping[str, object]:
    """Read a JSON object that every parser reads alike. Raises InvalidToken."""
    try:
        value = read_json(text, max_depth=16)
    except Unparseable as error:
        raise InvalidToken(_MALFORMED, detail=error.description) from error
    if not isinstance(value, dict):
        raise InvalidToken(_MALFORMED, detail="not a JSON object")
    return cast("dict[str, object]", value)


def check_header(header: Mapping[str, object], *, types: Collection[str], algorithms: Collection[str]) -> None:
    """Refuse a header this door was not built for. §4.1; RFC 9068 §2.1; RFC 8725 §3.1, §3.10, §3.11.

    `types` are lower case and without `application/`. Does not decide whether the key is known.
    """
    media_type = header.get("typ")
    if not isinstance(media_type, str) or media_type.lower().removeprefix("application/") not in types:
        raise InvalidToken("this is not an access token", detail=f"typ {media_type!r:.60}")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise InvalidToken(_UNSUITABLE, detail=f"alg {algorithm!r:.60}")
    if "crit" in header or "b64" in header:
        raise InvalidToken(_UNSUITABLE, detail="critical extensions are not understood")
    if any(name in header for name in _CARRIES_A_KEY):
        raise InvalidToken(_UNSUITABLE, detail="the token names its own key")


def key_id_of(header: Mapping[str, object]) -> str | None:
    """The `kid`, used for an exact look-up and nothing else. §4.1.4."""
    key_id = header.get("kid")
    if key_id is not None and (not isinstance(key_id, str) or not key_id):
        raise InvalidToken(_UNSUITABLE, detail="kid is not a string")
    return key_id


def _decoded(part: bytes) -> bytes:
    padded = part.translate(_TO_STANDARD) + b"=" * (-len(part) % 4)
    try:
        decoded = binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error as error:
        raise InvalidToken(_MALFORMED, detail="bad base64url") from error
    if binascii.b2a_base64(decoded, newline=False) != padded:
        raise InvalidToken(_MALFORMED, detail="base64url is not canonical")
    return decoded
