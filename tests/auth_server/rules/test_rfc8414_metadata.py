import pytest

from auth_server.rules.rfc8414_metadata import check_issuer, paths


@pytest.mark.requirement("AS-02", "AS-42")
@pytest.mark.parametrize(
    "issuer",
    [
        "https://as.example",
        "https://as.example/tenant1",
        "https://as.example:8443",
        "http://localhost:9000",
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
    ],
)
def test_https_and_loopback_issuers_are_taken_as_they_are(issuer: str) -> None:
    assert check_issuer(issuer) == issuer


@pytest.mark.requirement("AS-02", "AS-42")
@pytest.mark.parametrize(
    "issuer",
    [
        "http://as.example",
        "http://localhost.evil.example",
        "http://127.evil.example",
        "https://as.example/",
        "https://as.example?x",
        "https://as.example#x",
        "https://as.example/?",
        "https://user@as.example",
        "https://As.example",
        "HTTPS://as.example",
        "https://",
        "as.example",
        "ftp://as.example",
        "",
    ],
)
def test_other_issuers_are_refused(issuer: str) -> None:
    with pytest.raises(ValueError, match="issuer"):
        check_issuer(issuer)


@pytest.mark.requirement("AS-42")
def test_plain_http_elsewhere_takes_an_explicit_switch() -> None:
    assert check_issuer("http://as.example", allow_http=True) == "http://as.example"


@pytest.mark.requirement("AS-03")
def test_the_documents_stand_where_the_rfcs_put_them() -> None:
    oauth, openid = paths("https://as.example")
    assert (oauth, openid) == ({"/.well-known/oauth-authorization-server"}, {"/.well-known/openid-configuration"})
    oauth, openid = paths("https://as.example/t/1")
    assert oauth == {"/.well-known/oauth-authorization-server/t/1"}
    assert openid == {"/.well-known/openid-configuration/t/1", "/t/1/.well-known/openid-configuration"}
