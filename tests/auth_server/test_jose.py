from contextlib import suppress

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk

from auth_server.errors import InvalidClient
from auth_server.jose import Jws, check_public, verified
from auth_server.rules.rfc7523_client_assertion import ALGORITHMS, check_claims, check_header, named_in, replay_id
from tests.auth_server.world import CLIENT_KEY, claims, part, signed, urlsafe

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
HEADERS = st.fixed_dictionaries({}, optional=dict.fromkeys(("alg", "kid", "typ", "crit", "b64"), JSON))
CLAIMS = st.fixed_dictionaries({}, optional=dict.fromkeys(("iss", "sub", "aud", "exp", "iat", "nbf", "jti"), JSON))


@given(st.text())
def test_any_text_is_a_jws_or_none(text: str) -> None:
    assert Jws.parse(text) is None or text.count(".") == 2


@settings(max_examples=60, deadline=None)
@given(HEADERS, CLAIMS)
def test_any_header_and_claims_are_accepted_or_an_invalid_client(
    header: dict[str, object], payload: dict[str, object]
) -> None:
    token = Jws.parse(f"{part(header)}.{part(payload)}.AAAA")
    if token is None:
        return
    with suppress(InvalidClient):
        alg = check_header(token.header, ALGORITHMS)
        assert not verified(token, [CLIENT_KEY.as_dict(private=False)], alg)
        check_claims(token.claims, issuer="https://as.example", now=0, max_lifetime=60)
        named_in(token.claims, "iss")
        replay_id(token.claims, token.signed)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d", "k", "use", "alg", "kid"]), JSON))
def test_any_object_is_a_key_or_refused(key: dict[str, object]) -> None:
    with suppress(ValueError):
        check_public(key)
    assert verified_with(key) is False


def verified_with(key: dict[str, object]) -> bool:
    token = Jws.parse(signed(claims()))
    assert token is not None
    return verified(token, [key], "ES256")


@pytest.mark.parametrize("alg", sorted(set(ALGORITHMS) - {"EdDSA", "Ed25519"}))
@pytest.mark.requirement("AS-45")
def test_a_key_verifies_with_its_own_algorithm_alone(alg: str) -> None:
    public = CLIENT_KEY.as_dict(private=False)
    token = Jws.parse(signed(claims()))
    assert token is not None
    assert verified(token, [public], alg) is (alg == "ES256")
    assert not verified(token, [{**public, "alg": "ES384"}], "ES256")
    assert not verified(token, [{**public, "use": "enc"}], "ES256")
    assert not verified(token, [{**public, "kid": "another"}], "ES256")


def test_a_weak_rsa_key_is_refused_at_the_door_and_at_the_signature() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    numbers = private.public_key().public_numbers()
    weak = {"kty": "RSA", "e": "AQAB", "n": urlsafe(numbers.n.to_bytes(128, "big"))}
    body = f"{part({'alg': 'RS256'})}.{part(claims())}"
    token = Jws.parse(f"{body}.{urlsafe(private.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}")
    assert token is not None
    assert not verified(token, [weak], "RS256")
    with pytest.raises(ValueError, match="2048"):
        check_public(weak)


@pytest.mark.parametrize("payload", ['{"a":1,"a":2}', '{"a":NaN}', '{"a":' * 9000, "7", "null"])
def test_json_that_two_readers_would_read_differently_is_refused(payload: str) -> None:
    assert Jws.parse(f"{part({'alg': 'ES256'})}.{urlsafe(payload.encode())}.AAAA") is None


@pytest.mark.parametrize("kind", ["Ed25519", "EdDSA"])
def test_both_names_of_edwards_signatures_are_understood(kind: str) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    body = f"{part({'alg': kind})}.{part(claims())}"
    token = Jws.parse(f"{body}.{urlsafe(private.sign(body.encode()))}")
    assert token is not None
    assert verified(token, [jwk.OKPKey.import_key(private).as_dict(private=False)], kind)
