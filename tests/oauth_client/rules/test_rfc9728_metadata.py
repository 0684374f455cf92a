import pytest

from oauth_client.rules.rfc9728_metadata import well_known_urls

ROOT = "/.well-known/oauth-protected-resource"


@pytest.mark.requirement("CL-03")
@pytest.mark.parametrize(
    ("resource", "urls"),
    [
        ("https://h/mcp", [f"https://h{ROOT}/mcp", f"https://h{ROOT}"]),
        ("https://h:8443/a/mcp/", [f"https://h:8443{ROOT}/a/mcp/", f"https://h:8443{ROOT}"]),
        ("https://h/a?b=c", [f"https://h{ROOT}/a?b=c", f"https://h{ROOT}"]),
        ("https://h?b=c", [f"https://h{ROOT}?b=c", f"https://h{ROOT}"]),
        ("https://h", [f"https://h{ROOT}"]),
        ("https://h/", [f"https://h{ROOT}"]),
    ],
)
def test_the_well_known_places_of_a_resource(resource: str, urls: list[str]) -> None:
    assert [url for url, _ in well_known_urls(resource)] == urls
