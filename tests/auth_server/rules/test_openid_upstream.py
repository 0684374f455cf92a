from dataclasses import replace
from typing import Any

import pytest

from auth_server.errors import AccessDenied
from auth_server.people import Newcomer, Upstream
from auth_server.rules import openid_upstream as rules
from auth_server.rules.openid_id_token import at_hash

ISSUER = "https://login.example.com"
UPSTREAM = Upstream(issuer=ISSUER, label="Example Corp", client_id="daca", domains=frozenset({"example.com"}))
NOW = 1_700_000_000.0
CLAIMS: dict[str, Any] = {"iss": ISSUER, "sub": "s", "aud": "daca", "exp": NOW + 60, "iat": NOW, "nonce": "n"}
DOCUMENT: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": "http://127.0.0.1:1/jwks",
    "authorization_response_iss_parameter_supported": True,
}
SOUND = rules.check_provider(DOCUMENT, ISSUER)


def checked(max_age: int | None = None, **changed: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    return rules.check_id_token(claims, UPSTREAM, nonce="n", now=NOW, max_age=max_age)


def test_a_sound_id_token_names_its_subject() -> None:
    assert checked() == "s"
    assert checked(aud=["daca"], azp="daca") == "s"
    assert checked(exp=NOW - 59, iat=NOW - 599) == "s"
    assert checked(max_age=10, auth_time=NOW - 69) == "s"


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", f"{ISSUER}/"),
        ("aud", ["daca", "other"]),
        ("aud", []),
        ("azp", "other"),
        ("exp", NOW - 60),
        ("exp", float("nan")),
        ("exp", True),
        ("iat", NOW + 61),
        ("iat", "now"),
        ("nonce", "N"),
        ("sub", ""),
        ("sub", ["s"]),
    ],
)
def test_what_does_not_hold_is_named_for_the_log_alone(claim: str, value: Any) -> None:
    with pytest.raises(AccessDenied, match="does not hold") as refused:
        checked(**{claim: value})
    assert refused.value.detail == claim


@pytest.mark.parametrize("auth_time", [None, NOW - 71, "now"])
def test_max_age_wants_to_know_when(auth_time: object) -> None:
    with pytest.raises(AccessDenied):
        checked(max_age=10, auth_time=auth_time)


def test_an_access_token_is_the_one_that_the_id_token_means() -> None:
    rules.check_access_token({"at_hash": at_hash("one")}, "RS256", "one")
    rules.check_access_token({}, "RS256", "one")
    with pytest.raises(AccessDenied):
        rules.check_access_token({"at_hash": at_hash("one")}, "ES256", "two")


@pytest.mark.parametrize(("sent", "promised", "good"), [(ISSUER, True, True), (None, False, True), (None, True, False)])
def test_an_issuer_may_be_missing_only_where_it_is_not_promised(
    sent: str | None, *, promised: bool, good: bool
) -> None:
    changed = {**DOCUMENT, "authorization_response_iss_parameter_supported": promised}
    provider = rules.check_provider(changed, ISSUER)
    if good:
        rules.check_response_issuer(sent, ISSUER, provider)
    else:
        with pytest.raises(AccessDenied):
            rules.check_response_issuer(sent, ISSUER, provider)
    with pytest.raises(AccessDenied):
        rules.check_response_issuer(f"{ISSUER}/", ISSUER, provider)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", f"{ISSUER}/"),
        ("token_endpoint", None),
        ("token_endpoint", "http://login.example.com/token"),
        ("token_endpoint", "https://login.example.com/\n"),
        ("jwks_uri", ["https://login.example.com/jwks"]),
        ("userinfo_endpoint", "file:///etc/passwd"),
    ],
)
def test_a_document_that_does_not_hold_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"issuer|must be https"):
        rules.check_provider({**DOCUMENT, name: value}, ISSUER)


@pytest.mark.parametrize(
    ("changed", "comes_in"),
    [
        ({}, False),
        ({"everyone": True}, True),
        ({"subjects": frozenset({"s"})}, True),
        ({"domains": frozenset({"example.com"})}, True),
        ({"everyone": True, "refused": frozenset({"s"})}, False),
        ({"everyone": True, "issuer": "https://other.example"}, False),
    ],
)
def test_only_whom_the_file_names_is_let_in(changed: dict[str, Any], *, comes_in: bool) -> None:
    person = Newcomer(subject="up.1", issuer=ISSUER, upstream_subject="s", name="ada", domain="example.com")
    upstream = replace(Upstream(issuer=ISSUER, label="L", client_id="daca"), **changed)
    assert rules.is_let_in(person, upstream) is comes_in
    assert not rules.is_let_in(person, None)


def test_nobody_without_a_verified_address_has_a_domain() -> None:
    person = rules.person_of({"email": "ada@example.com"}, UPSTREAM, "s")
    assert (person.domain, person.name) == ("", "s")
    assert not rules.is_let_in(person, Upstream(issuer=ISSUER, label="L", client_id="daca", domains=frozenset({""})))
    assert rules.person_of({"email": "a@EXAMPLE.com", "email_verified": True}, UPSTREAM, "s").domain == "example.com"
