import pytest

from resource_server.errors import KeySourceError
from resource_server.rules.rfc8414_issuer import check_fetchable, check_metadata, metadata_urls


def test_a_bare_issuer_has_two_places() -> None:
    assert metadata_urls("https://as.example") == (
        "https://as.example/.well-known/oauth-authorization-server",
        "https://as.example/.well-known/openid-configuration",
    )


@pytest.mark.parametrize("issuer", ["https://as.example/realms/x", "https://as.example/realms/x/"])
def test_an_issuer_with_a_path_has_three_places_in_order(issuer: str) -> None:
    assert metadata_urls(issuer) == (
        "https://as.example/.well-known/oauth-authorization-server/realms/x",
        "https://as.example/.well-known/openid-configuration/realms/x",
        "https://as.example/realms/x/.well-known/openid-configuration",
    )


@pytest.mark.parametrize(
    "claimed", ["https://as.example/", "https://AS.example", "https://evil.example", None, ["https://as.example"]]
)
def test_metadata_of_another_issuer_is_refused(claimed: object) -> None:
    with pytest.raises(KeySourceError, match=r"expected 'https://as\.example'"):
        check_metadata({"issuer": claimed, "jwks_uri": "https://as.example/jwks"}, "https://as.example")


def test_one_slash_apart_is_said_to_be_that() -> None:
    with pytest.raises(KeySourceError, match="differ only in the trailing slash"):
        check_metadata({"issuer": "https://as.example/"}, "https://as.example")


def test_metadata_without_keys_is_refused() -> None:
    with pytest.raises(KeySourceError, match="no jwks_uri"):
        check_metadata({"issuer": "https://as.example"}, "https://as.example")


@pytest.mark.requirement("RS-33")
@pytest.mark.parametrize(
    "url", ["http://as.example/jwks", "file:///etc/passwd", "ftp://localhost/x", "https:///x", "https://u@h/x", ""]
)
def test_keys_come_over_https_alone(url: str) -> None:
    with pytest.raises(KeySourceError):
        check_fetchable(url, allow_http=False)


@pytest.mark.requirement("RS-33")
def test_loopback_may_be_plain_and_all_else_by_a_switch() -> None:
    for url in (
        "https://as.example/jwks",
        "http://localhost:9000/jwks",
        "http://127.0.0.1/jwks",
        "http://[::1]:1/jwks",
    ):
        assert check_fetchable(url, allow_http=False) == url
    assert check_fetchable("http://as.mesh/jwks", allow_http=True) == "http://as.mesh/jwks"
    with pytest.raises(KeySourceError):
        check_fetchable("file:///etc/passwd", allow_http=True)
