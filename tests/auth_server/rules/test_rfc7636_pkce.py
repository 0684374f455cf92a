import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server.errors import InvalidGrant, InvalidRequest
from auth_server.rules.rfc7636_pkce import challenge_of, check_challenge, check_verifier

VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.requirement("AS-16", "AS-17")
def test_the_example_of_the_rfc_holds() -> None:
    assert check_challenge(CHALLENGE, "S256") == CHALLENGE
    check_verifier(VERIFIER, CHALLENGE)


@pytest.mark.requirement("AS-16")
@pytest.mark.parametrize(
    "challenge", [None, "", CHALLENGE[:-1], CHALLENGE + "=", CHALLENGE[:-1] + "+", CHALLENGE + "\n"]
)
def test_what_is_no_challenge_is_refused(challenge: str | None) -> None:
    with pytest.raises(InvalidRequest):
        check_challenge(challenge, "S256")


@pytest.mark.requirement("AS-16")
@pytest.mark.parametrize("method", [None, "", "plain", "s256", "S512"])
def test_every_method_but_s256_is_refused(method: str | None) -> None:
    with pytest.raises(InvalidRequest):
        check_challenge(CHALLENGE, method)


@pytest.mark.requirement("AS-17")
@pytest.mark.parametrize("verifier", ["", VERIFIER[:-1], VERIFIER + "x", "ä" * 43, CHALLENGE])
def test_another_verifier_does_not_fit(verifier: str) -> None:
    with pytest.raises(InvalidGrant):
        check_verifier(verifier, CHALLENGE)


@pytest.mark.requirement("AS-17")
@pytest.mark.parametrize("verifier", ["a" * 42, "a" * 129, "a" * 42 + "+"])
def test_a_verifier_too_short_too_long_or_of_other_characters_fits_nothing(verifier: str) -> None:
    with pytest.raises(InvalidGrant):
        check_verifier(verifier, challenge_of(verifier))


@given(st.text(alphabet="abcXYZ019-._~", min_size=43, max_size=128))
def test_every_sound_verifier_fits_its_own_challenge(verifier: str) -> None:
    check_verifier(verifier, check_challenge(challenge_of(verifier), "S256"))
