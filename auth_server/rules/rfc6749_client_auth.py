"""RFC 6749 §2.3 — Client authentication: which client is this, and with what does it prove it?"""

import binascii
import re
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from auth_server.errors import InvalidClient, InvalidRequest

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")


@dataclass(frozen=True, kw_only=True)
class SecretProof:
    """A client id and a secret, from the header or the body."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AssertionProof:
    """A signed assertion; the client id beside it is optional and must agree. RFC 7521 §4.2."""

    client_id: str | None
    assertion: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class NoProof:
    """A client id alone: all that a public client has. §3.2.1."""

    client_id: str


Proof: TypeAlias = SecretProof | AssertionProof | NoProof


@dataclass(kw_only=True, slots=True)
class Presented:
    """The parameters of a request that speak about the client."""

    authorization: tuple[str, ...]
    client_id: str | None
    client_secret: str | None = field(repr=False)
    assertion: str | None = field(repr=False)
    assertion_type: str | None


def is_client_id(text: str) -> bool:
    """Whether the text can be a client id of this server; others need no look-up."""
    return _CLIENT_ID.fullmatch(text) is not None


def proof_of(presented: Presented) -> Proof:
    """The one way in which a client proves itself. §2.3, §3.2.1.

    Raises InvalidRequest for two ways at once, InvalidClient for none or an unusable one.
    """
    _check_one_method(presented)
    if presented.authorization:
        return _basic(presented.authorization[0], presented.client_id)
    if presented.assertion is not None or presented.assertion_type is not None:
        return _assertion(presented)
    if presented.client_id is not None and presented.client_secret is None:
        return NoProof(client_id=presented.client_id)
    if presented.client_id is None or presented.client_secret is None:
        raise InvalidClient("the client must authenticate: private_key_jwt, client_secret_basic or client_secret_post")
    return SecretProof(client_id=presented.client_id, secret=presented.client_secret)


def _check_one_method(presented: Presented) -> None:
    in_body = (presented.client_secret, presented.assertion)
    if len(presented.authorization) + sum(part is not None for part in in_body) > 1:
        raise InvalidRequest("the client authenticates in more than one way")


def _assertion(presented: Presented) -> AssertionProof:
    if presented.assertion is None or presented.assertion_type is None:
        raise InvalidRequest("client_assertion and client_assertion_type come together")
    if presented.assertion_type != ASSERTION_TYPE:
        raise InvalidClient("client_assertion_type is not supported")
    return AssertionProof(client_id=presented.client_id, assertion=presented.assertion)


def _basic(header: str, client_id: str | None) -> SecretProof:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("this authorization scheme does not authenticate a client", detail="scheme")
    user, colon, password = _decoded(encoded.strip(" ")).partition(b":")
    if not colon:
        raise InvalidClient("the Basic credentials are malformed", detail="no colon")
    named = _form_decoded(user)
    if client_id not in (None, named):
        raise InvalidRequest("client_id in the body differs from the one in the header")
    return SecretProof(client_id=named, secret=_form_decoded(password))


def _decoded(encoded: str) -> bytes:
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError:
        raise InvalidClient("the Basic credentials are malformed", detail="base64") from None


def _form_decoded(part: bytes) -> str:
    """Each part is form-encoded before it is put in the header. §2.3.1."""
    if b"%" not in part and b"+" not in part and part.isascii():
        return part.decode()
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise InvalidClient("the Basic credentials are malformed", detail="utf-8") from None
