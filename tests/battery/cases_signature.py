"""Tokens whose algorithm, signature, key or shape is wrong."""

import hashlib
import hmac
import json
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.battery.case import Case, bad_header, bad_token
from tests.battery.world import Signer, World, b64

_STRANGER = Signer(key=ec.generate_private_key(ec.SECP256R1()), kid="stranger")


def _hmac(world: World, secret: bytes, alg: str = "HS256") -> bytes:
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[alg]
    return world.signed(world.header(alg=alg), None, lambda text: hmac.new(secret, text, digest).digest())


def _none(world: World, alg: str) -> bytes:
    return world.signed(world.header(alg=alg), None, lambda _: b"")


def _parts(change: Callable[[bytes, bytes, bytes], tuple[bytes, ...]]) -> Callable[[World], bytes]:
    def make(world: World) -> bytes:
        header, payload, signature = world.token().split(b".")
        return b".".join(change(header, payload, signature))

    return make


def _flip(signature: bytes) -> bytes:
    return (b"B" if signature[:1] == b"A" else b"A") + signature[1:]


def _with_payload(world: World, **changes: object) -> bytes:
    return b64(json.dumps(world.claims(**changes)).encode())


def _not_canonical(signature: bytes) -> bytes:
    """The same bytes again, with the unused bits of the last character set."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return signature[:-1] + bytes([alphabet[alphabet.index(signature[-1:]) ^ 1]])


def _in_standard_base64(world: World) -> bytes:
    """A sound token whose signature has a letter that differs between the two alphabets."""
    for attempt in range(1000):
        signed, _, signature = world.token(claims=world.claims(jti=str(attempt))).rpartition(b".")
        if b"-" in signature or b"_" in signature:
            return signed + b"." + signature.translate(bytes.maketrans(b"-_", b"+/"))
    raise AssertionError("no such signature in a thousand")


def _der_signature(world: World) -> bytes:
    key = world.signer.key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return world.signed(None, None, lambda text: key.sign(text, ec.ECDSA(hashes.SHA256())))
    return world.signed(None, None, lambda text: b"0E" + text[:69])


def _strange_key(**header: object) -> Callable[[World], bytes]:
    return lambda world: world.signed({**world.header(alg="ES256"), **header}, None, _STRANGER.sign)


_NO_NAMES: tuple[tuple[str, object], ...] = (
    ("missing", ...),
    ("null", None),
    ("a-list", ["ES256"]),
    ("a-number", 256),
    ("an-object", {"ES256": 1}),
)

CASES: tuple[Case, ...] = (
    *(
        bad_token(f"alg-{alg}", f"alg {alg}, no signature", lambda world, alg=alg: _none(world, alg))
        for alg in ("none", "None", "NONE", "nOnE")
    ),
    bad_token("alg-none-signed", "alg none over a real signature", lambda world: world.token(world.header(alg="none"))),
    bad_token(
        "alg-none-a-byte",
        "alg none, one byte as signature",
        lambda world: world.signed(world.header(alg="none"), None, lambda _: b"\0"),
    ),
    bad_token(
        "hs256-pem", "HS256 with the public key's PEM as secret", lambda world: _hmac(world, world.signer.public())
    ),
    bad_token(
        "hs256-pem-stripped",
        "the same without the last newline",
        lambda world: _hmac(world, world.signer.public().strip()),
    ),
    bad_token(
        "hs256-der", "HS256 with the public key's DER", lambda world: _hmac(world, world.signer.public(der=True))
    ),
    bad_token(
        "hs256-jwk", "HS256 with the public JWK", lambda world: _hmac(world, json.dumps(world.signer.jwk()).encode())
    ),
    bad_token("hs256-empty", "HS256 with an empty secret", lambda world: _hmac(world, b"")),
    bad_token("hs384-pem", "HS384 with the public key", lambda world: _hmac(world, world.signer.public(), "HS384")),
    bad_token(
        "hs512-kid", "HS512 with the kid as secret", lambda world: _hmac(world, world.signer.kid.encode(), "HS512")
    ),
    *(
        bad_header(f"alg-swap-{alg}", f"signed as usual, but says {alg}", lambda _, alg=alg: {"alg": alg})
        for alg in ("ES384", "ES512", "ES256K", "EdDSA", "RS512", "PS256", "es256", "ES256 ", "", "dir", "RSA1_5")
    ),
    *(bad_header(f"alg-{name}", f"alg is {name}", lambda _, alg=alg: {"alg": alg}) for name, alg in _NO_NAMES),
    bad_token("stranger", "signed by another key under the issuer's kid", _strange_key()),
    bad_token("stranger-own-kid", "signed by another key under its own kid", _strange_key(kid="stranger")),
    bad_token("embedded-jwk", "brings its own key as jwk", _strange_key(jwk=_STRANGER.jwk())),
    bad_token(
        "embedded-jwk-kid",
        "brings its own key as jwk, under its kid",
        _strange_key(jwk=_STRANGER.jwk(), kid="stranger"),
    ),
    bad_token("jku", "points at its own key set", _strange_key(jku="https://evil.example/jwks.json", kid="stranger")),
    bad_token("x5u", "points at its own certificate", _strange_key(x5u="https://evil.example/cert.pem")),
    bad_token("x5c", "brings its own certificate", _strange_key(x5c=["MIIB"])),
    bad_token("signature-gone", "no signature at all", _parts(lambda h, p, _: (h, p, b""))),
    bad_token("signature-cut", "half a signature", _parts(lambda h, p, s: (h, p, s[: len(s) // 2]))),
    bad_token("signature-longer", "a signature with more behind it", _parts(lambda h, p, s: (h, p, s + b"AAAA"))),
    bad_token("signature-flipped", "one bit of the signature turned", _parts(lambda h, p, s: (h, p, _flip(s)))),
    bad_token(
        "signature-zero",
        "a signature of zeros",
        lambda world: world.signed(None, None, lambda text: bytes(len(world.signer.sign(text)))),
    ),
    bad_token("signature-der", "an ECDSA signature in DER", _der_signature),
    bad_token(
        "signature-not-canonical",
        "the same signature in other base64url",
        _parts(lambda h, p, s: (h, p, _not_canonical(s))),
    ),
    bad_token(
        "signature-of-another",
        "another token's signature",
        lambda world: (
            world.token().rpartition(b".")[0] + b"." + world.token(claims=world.claims(jti="x")).rpartition(b".")[2]
        ),
    ),
    bad_token(
        "payload-tampered",
        "scope raised after signing",
        lambda world: _parts(lambda h, _, s: (h, _with_payload(world, scope="mcp:read mcp:write mcp:delete"), s))(
            world
        ),
    ),
    bad_token(
        "aud-tampered",
        "aud changed after signing, from the other resource to this one",
        lambda world: b".".join(
            [
                (other := world.token(claims=world.claims(aud=world.other_resource))).split(b".")[0],
                _with_payload(world),
                other.split(b".")[2],
            ]
        ),
    ),
    bad_token(
        "header-tampered",
        "header changed after signing",
        lambda world: _parts(lambda _, p, s: (b64(json.dumps(world.header(x=1)).encode()), p, s))(world),
    ),
    bad_token("two-parts", "two parts", _parts(lambda h, p, _: (h, p))),
    bad_token("four-parts", "four parts", _parts(lambda h, p, s: (h, p, s, s))),
    bad_token("five-parts", "five parts, as an encrypted token has", _parts(lambda h, p, s: (h, p, s, s, s))),
    bad_token("only-dots", "two dots", lambda _: b".."),
    bad_token("not-a-jwt", "an opaque string", lambda _: b"0123456789abcdef"),
    bad_token("padded", "base64 padding inside", _parts(lambda h, p, s: (h + b"=", p, s))),
    bad_token("standard-base64", "the same signature in standard base64", _in_standard_base64),
    bad_token("non-ascii", "a letter that is not ASCII", _parts(lambda h, p, s: (h, p, s + "é".encode("latin-1")))),
    bad_token("token-space", "a space inside", _parts(lambda h, p, s: (h, p + b" ", s))),
    bad_token(
        "json-serialization",
        "JWS in JSON form",
        lambda world: json.dumps(
            dict(zip(("protected", "payload", "signature"), map(bytes.decode, world.token().split(b".")), strict=True))
        ).encode(),
    ),
    bad_token("header-not-json", "a header that is not JSON", lambda world: world.token(header=b"alg=ES256")),
    bad_token("header-a-list", "a header that is a list", lambda world: world.token(header=b'["ES256"]')),
    bad_token(
        "header-alg-twice",
        "alg twice: none, then the real one",
        lambda world: world.token(header=b'{"alg":"none",' + json.dumps(world.header()).encode()[1:]),
    ),
    bad_token(
        "header-deep",
        "a deeply nested header",
        lambda world: world.token(header=b'{"x":' + b"[" * 900 + b"]" * 900 + b"}"),
    ),
    bad_token(
        "oversized",
        "a token of 48 KiB",
        lambda world: world.token(claims=world.claims(x="x" * 36_000)),
        status=(400, 401, 413, 431),
    ),
)
