import pytest

from resource_server.rules.rfc9728_metadata import metadata_of, metadata_url


@pytest.mark.requirement("RS-04")
@pytest.mark.parametrize(
    ("resource", "url"),
    [
        ("https://h.example/a/mcp", "https://h.example/.well-known/oauth-protected-resource/a/mcp"),
        ("https://h.example:8443/mcp/", "https://h.example:8443/.well-known/oauth-protected-resource/mcp/"),
        ("https://h.example", "https://h.example/.well-known/oauth-protected-resource"),
        ("https://h.example/", "https://h.example/.well-known/oauth-protected-resource"),
    ],
)
def test_the_well_known_segment_stands_between_host_and_path(resource: str, url: str) -> None:
    assert metadata_url(resource) == url


@pytest.mark.requirement("RS-01", "RS-02", "RS-07")
def test_members_without_a_value_are_left_out() -> None:
    assert metadata_of("https://h.example/mcp", issuer="https://as.example", scopes=()) == {
        "resource": "https://h.example/mcp",
        "authorization_servers": ["https://as.example"],
        "bearer_methods_supported": ["header"],
    }
