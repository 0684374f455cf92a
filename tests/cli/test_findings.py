"""Judging a token's parts: pure."""

import pytest

from cli.findings import is_good, judge_audience, judge_claims, judge_header, judge_issuer

NOW = 1_800_000_000.0
GOOD = {"iss": "i", "aud": "a", "sub": "s", "client_id": "c", "jti": "j", "iat": NOW - 10, "exp": NOW + 290}


def test_a_sound_token_has_nothing_against_it() -> None:
    assert is_good(judge_claims(GOOD, NOW))
    assert is_good(judge_header({"typ": "at+jwt", "alg": "ES256"}))
    assert is_good(judge_header({"typ": "application/at+jwt", "alg": "EdDSA"}))


@pytest.mark.parametrize("name", ["sub", "client_id", "jti", "iat", "exp"])
def test_a_required_claim_that_is_missing_counts_against_it(name: str) -> None:
    found = judge_claims({key: value for key, value in GOOD.items() if key != name}, NOW)
    assert [finding.name for finding in found if finding.ok is False] == [name]


@pytest.mark.parametrize(
    ("claim", "value"),
    [("exp", NOW), ("exp", NOW - 1), ("exp", str(NOW + 100)), ("exp", True), ("iat", NOW + 1), ("nbf", NOW + 1)],
)
def test_a_time_that_is_wrong_counts_against_it(claim: str, value: object) -> None:
    assert not is_good(judge_claims({**GOOD, claim: value}, NOW))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT", "alg": "ES256"},
        {"alg": "ES256"},
        {"typ": "at+jwt", "alg": "none"},
        {"typ": "at+jwt", "alg": "HS256"},
    ],
)
def test_another_type_or_algorithm_counts_against_it(header: dict[str, str]) -> None:
    assert not is_good(judge_header(header))


def test_issuer_and_audience_are_compared_byte_for_byte() -> None:
    assert judge_issuer("http://localhost:9000", "http://localhost:9000").ok
    assert judge_issuer("http://localhost:9000/", "http://localhost:9000").ok is False
    assert judge_audience("http://localhost:8000/mcp", "http://localhost:8000/mcp").ok
    assert judge_audience("http://localhost:8000/mcp/", "http://localhost:8000/mcp").ok is False
    assert judge_audience("http://localhost:8000/mcp", None).ok is None
    assert judge_audience(["http://localhost:8000/mcp"], "http://localhost:8000/mcp").ok is False
