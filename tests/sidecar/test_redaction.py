"""No log line holds a credential, by whatever name or in whatever shape it comes."""

from typing import Any

import pytest

from sidecar.redaction import HIDDEN, redact, redact_text

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl"

NAMES = [
    "token", "access_token", "refresh_token", "id_token", "subject_token", "initial_access_token", "client_secret",
    "secret", "client_assertion", "assertion", "code", "code_verifier", "verifier", "password", "Authorization",
    "dapr-api-token", "set-cookie", "cookie", "kek", "private_key", "state", "DPoP", "auth_req_id",
]  # fmt: skip


def _redacted(**event: Any) -> dict[str, Any]:
    return dict(redact(None, "info", event))


@pytest.mark.requirement("ALL-01")
@pytest.mark.parametrize("name", NAMES)
def test_a_value_with_the_name_of_a_credential_is_hidden_however_deep(name: str) -> None:
    for event in ({name: "sesame"}, {"form": {name: "sesame"}}, {"form": [{name: ["sesame"]}]}, {name: b"sesame"}):
        assert "sesame" not in str(_redacted(**event))


@pytest.mark.requirement("ALL-01")
@pytest.mark.parametrize(
    "text",
    [
        f"got {JWT}",
        f"Authorization: Bearer {JWT}",
        "Authorization: bearer sesame-sesame",
        "Basic c2VzYW1lOnNlc2FtZQ==",
        "POST /token grant_type=x&client_secret=sesame-sesame&scope=a",
        "GET /cb?code=sesame-sesame&state=x",
        "client_assertion=sesame-sesame",
        '{"access_token": "sesame-sesame"}',
        "{'refresh_token':'sesame-sesame'}",
        "code_verifier=sesame-sesame",
        "grant_type=x&auth_req_id=sesame-sesame",
    ],
)
def test_a_text_with_the_shape_of_a_credential_is_cut(text: str) -> None:
    for hidden in (redact_text(text), str(_redacted(event=text)), str(_redacted(nested=[{"x": text}]))):
        assert HIDDEN in hidden
        for credential in (JWT, JWT.rpartition(".")[2], "sesame-sesame", "c2VzYW1l"):
            assert credential not in hidden


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event", "token issued"),
        ("client_id", "researcher"),
        ("resource", "http://localhost:8000/mcp"),
        ("token_endpoint", "http://localhost:9000/token"),
        ("scope", "mcp:read mcp:write"),
        ("status", 401),
        ("detail", "the code was spent before"),
        ("jti", "4f1c"),
    ],
)
def test_what_a_reader_needs_stays(name: str, value: object) -> None:
    assert _redacted(**{name: value}) == {name: value}


@pytest.mark.requirement("ALL-01")
def test_a_code_an_auth_req_id_and_a_refresh_token_of_ours_are_known_by_their_shape_and_a_jti_is_not_hidden() -> None:
    name, secret = "0123456789abcdef" * 2, "s" * 43
    assert secret not in redact_text(f"{name}.{secret} was sent")
    for jti in (f"{name}.{'j' * 24}", f"{name}.{'j' * 24}.{'k' * 24}"):
        assert redact_text(jti) == jti
