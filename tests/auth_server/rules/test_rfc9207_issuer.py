import pytest

from auth_server.errors import AccessDenied
from auth_server.rules.rfc9207_issuer import error_response, response

ISSUER = "https://honest.as.example"


@pytest.mark.requirement("AS-24", "AS-36")
def test_the_examples_of_the_rfc() -> None:
    success = response(
        "https://client.example/cb",
        {"code": "x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58"},
        state="ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI",
        issuer=ISSUER,
    )
    assert success == (
        "https://client.example/cb?code=x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58"
        "&state=ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI&iss=https%3A%2F%2Fhonest.as.example"
    )
    refused = error_response("https://client.example/cb?a=1", AccessDenied("no"), state=None, issuer=ISSUER)
    assert refused == (
        "https://client.example/cb?a=1&error=access_denied&error_description=no&iss=https%3A%2F%2Fhonest.as.example"
    )
