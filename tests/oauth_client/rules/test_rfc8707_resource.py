import pytest

from oauth_client.errors import InvalidResource
from oauth_client.rules.rfc8707_resource import check_resource, covers


@pytest.mark.requirement("CL-23")
@pytest.mark.parametrize(
    "resource",
    [
        "https://mcp.example.com/mcp",
        "https://mcp.example.com",
        "https://h:8443",
        "http://localhost:8000/mcp",
        "https://[::1]/x",
    ],
)
def test_a_canonical_resource_is_kept_as_it_is(resource: str) -> None:
    assert check_resource(resource) == resource


@pytest.mark.requirement("CL-23")
@pytest.mark.parametrize(
    "resource",
    [
        "mcp.example.com",
        "https://h/#f",
        "https://h/mcp#",
        "https://H/mcp",
        "https://h/a b",
        "https://u@h/",
        "https://",
        "https://h/\n",
    ],
)
def test_what_is_no_canonical_resource_is_refused(resource: str) -> None:
    with pytest.raises(InvalidResource):
        check_resource(resource)


@pytest.mark.requirement("CL-26")
@pytest.mark.parametrize(
    ("url", "covered"),
    [
        ("https://h/mcp", True),
        ("https://h/mcp/", True),
        ("https://h/mcp/x?y", True),
        ("https://h:443/mcp", True),
        ("https://h/mcpx", False),
        ("https://h/", False),
        ("https://h/mcp/../x", False),
        ("https://h/mcp/%2E./x", False),
        ("https://h/mcp/..%2fx", False),
        ("https://h/mcp/a..b", True),
        ("http://h/mcp", False),
        ("https://h:444/mcp", False),
        ("https://h.evil/mcp", False),
    ],
)
def test_a_token_covers_its_resource_and_what_lies_below(url: str, covered: bool) -> None:  # noqa: FBT001 - a case's column
    assert covers("https://h/mcp", url) is covered


def test_a_resource_without_a_path_covers_its_origin() -> None:
    assert covers("http://localhost:8011", "http://localhost:8011/ask")
    assert covers("http://localhost:8011", "http://localhost:8011")
    assert not covers("http://localhost:8011", "http://localhost:8012/ask")
