import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_server.errors import InvalidToken
from resource_server.rules.rfc7515_jws import ASYMMETRIC, check_header, key_id_of, take_apart
from tests.battery.world import b64

JSON = (
    st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text())
)


def test_a_token_is_taken_apart_into_what_was_signed_and_with_what() -> None:
    jws = take_apart(b".".join(map(b64, (b'{"alg":"ES256"}', b"{}", b"\xfb\xff"))))

    assert (jws.header, jws.payload, jws.signature) == ({"alg": "ES256"}, b"{}", b"\xfb\xff")
    assert jws.signing_input == b64(b'{"alg":"ES256"}') + b"." + b64(b"{}")


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize(
    "token",
    [
        b"e30.e30",
        b"e30.e30.e30.e30",
        b"..",
        b"e30.e30.",
        b".e30.e30",
        b"e30.e30.+/8A",
        b"e30.e30.YQ==",
        b"e30.e30.Y Q",
        b"e30.e30.YR",
    ],
)
def test_what_is_not_exactly_three_parts_of_base64url_is_no_token(token: bytes) -> None:
    with pytest.raises(InvalidToken):
        take_apart(token)


@given(st.binary())
def test_nothing_but_a_refusal_comes_of_any_bytes(token: bytes) -> None:
    try:
        jws = take_apart(token)
    except InvalidToken:
        return
    assert b64(jws.signature) == token.rpartition(b".")[2]


@given(st.dictionaries(st.sampled_from(["typ", "alg", "kid", "crit", "jwk", "x"]), JSON))
def test_nothing_but_a_refusal_comes_of_any_header(header: dict[str, object]) -> None:
    try:
        check_header(header, types={"at+jwt"}, algorithms=ASYMMETRIC)
        key_id_of(header)
    except InvalidToken:
        return
    assert header["alg"] in ASYMMETRIC


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+JWT"])
def test_the_type_is_compared_without_case_and_prefix(typ: str) -> None:
    check_header({"typ": typ, "alg": "ES256"}, types={"at+jwt"}, algorithms=ASYMMETRIC)


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "crit", "b64"])
def test_a_header_that_brings_its_own_key_or_extension_is_refused(member: str) -> None:
    with pytest.raises(InvalidToken):
        check_header({"typ": "at+jwt", "alg": "ES256", member: None}, types={"at+jwt"}, algorithms=ASYMMETRIC)


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "es256", "", None, ["ES256"]])
def test_an_algorithm_that_is_not_on_the_list_is_refused(alg: object) -> None:
    with pytest.raises(InvalidToken):
        check_header({"typ": "at+jwt", "alg": alg}, types={"at+jwt"}, algorithms={"ES256"})


def test_a_header_may_say_more_than_is_needed() -> None:
    header = json.loads('{"typ":"at+jwt","alg":"RS256","x5t":"abc","kid":"k"}')
    check_header(header, types={"at+jwt"}, algorithms=ASYMMETRIC)
    assert key_id_of(header) == "k"
    assert key_id_of({}) is None


@pytest.mark.requirement("RS-12")
def test_no_symmetric_algorithm_and_not_none_can_ever_be_accepted() -> None:
    assert not {name for name in ASYMMETRIC if name.startswith("HS") or name.lower() == "none"}
