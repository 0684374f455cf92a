import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server.errors import InvalidClient, InvalidRequest, OAuthError
from auth_server.rules.rfc6749_client_auth import AssertionProof, Presented, SecretProof, is_client_id, proof_of


def _presented(
    *authorization: str,
    client_id: str | None = None,
    client_secret: str | None = None,
    assertion: str | None = None,
    assertion_type: str | None = None,
) -> Presented:
    return Presented(
        authorization=authorization,
        client_id=client_id,
        client_secret=client_secret,
        assertion=assertion,
        assertion_type=assertion_type,
    )


def _basic(text: str) -> str:
    return "bAsIc " + base64.b64encode(text.encode()).decode()


@pytest.mark.requirement("AS-47")
def test_the_example_of_the_rfc_is_read() -> None:
    proof = proof_of(_presented("Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"))
    assert proof == SecretProof(client_id="s6BhdRkqt3", secret="7Fjfp0ZBr1KtDRbnfVdmIw")


def test_a_secret_shows_in_no_representation() -> None:
    proof = proof_of(_presented(_basic("id:very-secret")))
    assertion = AssertionProof(client_id=None, assertion="very-secret")
    presented = _presented(client_secret="very-secret", assertion="very-secret")
    assert "very-secret" not in f"{proof!r} {assertion!r} {presented!r}"


@pytest.mark.requirement("AS-48")
@pytest.mark.parametrize(
    "presented",
    [
        _presented(_basic("id:secret"), client_secret="secret"),
        _presented(_basic("id:secret"), assertion="a.b.c"),
        _presented(_basic("id:secret"), _basic("id:secret")),
        _presented(client_id="id", client_secret="secret", assertion="a.b.c"),
        _presented(_basic("id:secret"), client_id="other"),
    ],
)
def test_two_methods_or_two_ids_are_an_invalid_request(presented: Presented) -> None:
    with pytest.raises(InvalidRequest):
        proof_of(presented)


@given(st.text(), st.text())
def test_whatever_stands_in_the_header_is_a_proof_or_a_refusal(scheme: str, rest: str) -> None:
    for header in (
        f"{scheme} {rest}",
        f"Basic {rest}",
        _basic(scheme + rest) if (scheme + rest).isascii() else "Basic",
    ):
        try:
            assert isinstance(proof_of(_presented(header)), SecretProof)
        except OAuthError as refused:
            assert isinstance(refused, InvalidClient)  # noqa: PT017  a proof is as good


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a||b", "a:b", "é", "x" * 129, "a\n"])
def test_what_is_no_client_id_is_never_looked_up(text: str) -> None:
    assert not is_client_id(text)
