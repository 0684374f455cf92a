import pytest

from resource_server.errors import InvalidToken
from resource_server.rules.rfc9068_access_token import (
    check_issuer,
    check_name,
    check_not_bound,
    check_times,
    scopes_of,
)

NOW = 1000.0


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize(("exp", "leeway"), [(1001, 0), (1000.5, 0), (996, 5), (995.5, 5)])
def test_a_token_is_good_until_its_end_and_the_leeway(exp: float, leeway: float) -> None:
    assert check_times({"exp": exp}, now=NOW, leeway=leeway) == exp


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize(("exp", "leeway"), [(1000, 0), (995, 5), (0, 5)])
def test_a_token_is_over_on_the_second_of_its_end(exp: float, leeway: float) -> None:
    with pytest.raises(InvalidToken, match="has expired"):
        check_times({"exp": exp}, now=NOW, leeway=leeway)


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize("exp", ["2000", None, True, [2000], {}, float("nan"), float("inf"), 10**400, -1, 2**53])
def test_an_end_that_is_no_sensible_number_is_refused(exp: object) -> None:
    with pytest.raises(InvalidToken, match="malformed"):
        check_times({"exp": exp}, now=NOW, leeway=5)


@pytest.mark.requirement("RS-12")
def test_a_token_without_an_end_is_refused() -> None:
    with pytest.raises(InvalidToken, match="never expires"):
        check_times({}, now=NOW, leeway=5)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_from_the_future_is_refused_beyond_the_leeway(name: str) -> None:
    check_times({"exp": 2000, name: 1005}, now=NOW, leeway=5)
    with pytest.raises(InvalidToken, match="not valid yet"):
        check_times({"exp": 2000, name: 1006}, now=NOW, leeway=5)
    with pytest.raises(InvalidToken, match="malformed"):
        check_times({"exp": 2000, name: "900"}, now=NOW, leeway=5)


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize("issuer", ["https://as.example/", "https://AS.example", None, ["https://as.example"], ""])
def test_the_issuer_is_compared_byte_for_byte(issuer: object) -> None:
    check_issuer({"iss": "https://as.example"}, "https://as.example")
    with pytest.raises(InvalidToken):
        check_issuer({"iss": issuer}, "https://as.example")


def test_the_log_hears_of_a_slash_and_the_client_does_not() -> None:
    with pytest.raises(InvalidToken) as refused:
        check_issuer({"iss": "https://as.example/"}, "https://as.example")
    assert "one trailing slash apart" in refused.value.detail
    assert "as.example" not in refused.value.description


@pytest.mark.parametrize("value", ["", 7, None, ["a"], "x" * 513])
def test_a_name_is_a_string_of_some_length(value: object) -> None:
    assert check_name({"azp": "x"}, "client_id", "azp") == "x"
    with pytest.raises(InvalidToken):
        check_name({"sub": value}, "sub")
    with pytest.raises(InvalidToken):
        check_name({}, "sub")


def test_a_token_bound_to_a_key_is_no_bearer_token() -> None:
    check_not_bound({})
    with pytest.raises(InvalidToken):
        check_not_bound({"cnf": {"jkt": "x"}})


def test_scopes_are_words_with_spaces_between() -> None:
    assert scopes_of({"scope": "a  b"}, ["scope"]) == {"a", "b"}
    assert scopes_of({}, ["scope"]) == frozenset()
    assert scopes_of({"scp": ["a", "b"]}, ["scope", "scp"]) == {"a", "b"}
    assert scopes_of({"scp": "a b"}, ["scope", "scp"]) == {"a", "b"}
    assert scopes_of({"scp": ["a"]}, ["scope"]) == frozenset()


@pytest.mark.parametrize(
    "claims", [{"scope": ["a"]}, {"scope": 1}, {"scope": None}, {"scp": ["a", 1]}, {"scp": {"a": 1}}]
)
def test_scopes_in_another_shape_are_refused(claims: dict[str, object]) -> None:
    with pytest.raises(InvalidToken):
        scopes_of(claims, ["scope", "scp"])
