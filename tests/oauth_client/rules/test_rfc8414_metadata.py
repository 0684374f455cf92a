import pytest

from oauth_client.errors import DiscoveryFailed
from oauth_client.rules.rfc8414_metadata import check_issuer, metadata_urls


@pytest.mark.requirement("CL-08")
def test_the_places_of_the_specifications_own_example() -> None:
    assert metadata_urls("https://auth.example.com/tenant1") == (
        "https://auth.example.com/.well-known/oauth-authorization-server/tenant1",
        "https://auth.example.com/.well-known/openid-configuration/tenant1",
        "https://auth.example.com/tenant1/.well-known/openid-configuration",
    )
    assert metadata_urls("https://auth.example.com") == (
        "https://auth.example.com/.well-known/oauth-authorization-server",
        "https://auth.example.com/.well-known/openid-configuration",
    )


@pytest.mark.requirement("CL-08")
def test_a_slash_at_the_end_of_an_issuer_is_left_out_of_the_url() -> None:
    assert metadata_urls("https://h/") == metadata_urls("https://h")
    assert metadata_urls("https://h:8443/a/") == metadata_urls("https://h:8443/a")


@pytest.mark.parametrize("issuer", ["https://h?x", "https://h/#f", "https://h/?"])
def test_an_issuer_with_query_or_fragment_is_none(issuer: str) -> None:
    with pytest.raises(DiscoveryFailed, match="neither query nor fragment"):
        check_issuer(issuer, "https://r/meta")
