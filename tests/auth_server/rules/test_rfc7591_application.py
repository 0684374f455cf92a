from typing import Any

import pytest

from auth_server.errors import InvalidClientMetadata, InvalidRedirectUri
from auth_server.rules.rfc7591_application import check_application, software_hash, wants_people

LOOPBACK = "http://127.0.0.1:4000/cb"
WEB = "https://app.example/cb"


@pytest.mark.requirement("AS-14")
@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uris": None},
        {"redirect_uris": []},
        {"redirect_uris": "https://app.example/cb"},
        {"redirect_uris": [7]},
        {"redirect_uris": [WEB] * 21},
        {"redirect_uris": [f"https://app.example/{number}" for number in range(21)]},
        {"redirect_uris": ["http://app.example/cb"]},
        {"redirect_uris": ["cursor://callback"]},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["https://app.example/cb#f"]},
        {"redirect_uris": ["https://*.example/cb"]},
        {"redirect_uris": ["https://user@app.example/cb"]},
        {"redirect_uris": ["/cb"]},
        {"redirect_uris": [WEB, "http://10.0.0.1/cb"]},
        {"redirect_uris": [LOOPBACK], "application_type": "web"},
    ],
)
def test_redirect_uris_are_complete_and_https_or_loopback(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidRedirectUri):
        check_application(changed)


@pytest.mark.requirement("AS-13", "AS-14")
@pytest.mark.parametrize(
    "changed",
    [
        {"application_type": "other"},
        {"application_type": ["web"]},
        {"grant_types": ["client_credentials"]},
        {"grant_types": ["refresh_token"]},
        {"grant_types": "authorization_code"},
        {"grant_types": [1]},
        {"response_types": ["token"]},
        {"response_types": []},
        {"response_types": "code"},
        {"client_name": ["x"]},
        {"client_name": "a\u0000b"},
        {"client_name": "x" * 201},
        {"client_uri": "javascript:alert(1)"},
        {"client_uri": "https://"},
        {"client_uri": "https://[x"},
        {"token_endpoint_auth_method": 1},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks"},
        {"jwks": {"keys": []}, "jwks_uri": "https://app.example/jwks"},
    ],
)
def test_other_metadata_that_is_no_good_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidClientMetadata):
        check_application({"redirect_uris": [WEB], **changed})


def test_what_is_not_offered_here_is_left_out() -> None:
    """As editors register: with a device flow that others have, and with a secret as the default."""
    made = check_application(
        {
            "redirect_uris": ["http://127.0.0.1/", "https://editor.example/redirect", LOOPBACK, LOOPBACK],
            "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
            "response_types": ["code", "id_token"],
            "token_endpoint_auth_method": "client_secret_basic",
        }
    )
    assert made.grant_types == ("authorization_code", "refresh_token")
    assert made.auth_method == "none"
    assert made.application_type == "native"
    assert made.redirect_uris == ("http://127.0.0.1/", "https://editor.example/redirect", LOOPBACK)


@pytest.mark.parametrize(("uri", "kind"), [(WEB, "web"), (LOOPBACK, "native"), ("http://[::1]:1/cb", "native")])
def test_a_client_that_does_not_say_is_what_its_uris_make_it(uri: str, kind: str) -> None:
    assert check_application({"redirect_uris": [uri]}).application_type == kind


def test_the_same_software_has_the_same_hash_on_every_loopback_port() -> None:
    def hashed(*uris: str, **changed: object) -> str:
        return software_hash(check_application({"redirect_uris": list(uris), **changed}))

    one = hashed(LOOPBACK)
    assert hashed("http://127.0.0.1:9/cb") == hashed("http://127.0.0.1/cb") == one
    assert hashed("http://[::1]:1/cb") == hashed("http://[::1]:2/cb")
    assert hashed("http://localhost:1/cb") == hashed("http://localhost:2/cb") != one
    assert hashed("http://127.0.0.1:4000/other") != one
    assert hashed(LOOPBACK, client_name="Other") != one
    assert hashed("https://app.example:1/cb") != hashed("https://app.example:2/cb")


@pytest.mark.parametrize(
    ("metadata", "people"),
    [
        ({}, False),
        ({"client_name": "x"}, False),
        ({"grant_types": ["client_credentials"]}, False),
        ({"grant_types": 7}, False),
        ({"grant_types": ["authorization_code"]}, True),
        ({"redirect_uris": []}, True),
    ],
)
def test_a_registration_without_anything_of_the_code_grant_is_a_machines(
    metadata: dict[str, Any], *, people: bool
) -> None:
    assert wants_people(metadata) is people
