from typing import Any

import pytest

from resource_server import Door, RateLimit
from tests.resource_server.conftest import App

GOOD: dict[str, Any] = {"resource": "http://localhost:8000/mcp", "issuer": "http://localhost:9000"}


OTHERS: list[dict[str, Any]] = [
    {"max_body": 0},
    {"max_token": 0},
    {"cache_size": 0},
    {"keys_ttl": 0},
    {"refetch_interval": 0},
    {"key_wait": -1},
    {"token_types": ()},
    {"client_claims": ()},
    {"scope_claims": ()},
    {"scopes": ("two words",)},
    {"tools": {"x": 'qu"ote'}},
    {"tools": {}, "scope_for": print},
]


def _door(**changes: Any) -> Door:
    settings: dict[str, Any] = {**GOOD, **changes}
    return Door(App(), **settings)


class AnyHttpUrl:
    """What a URL type looks like from outside: it prints with a slash that nobody wrote."""

    def __str__(self) -> str:
        return "http://localhost:9000/"


@pytest.mark.requirement("RS-03", "RS-10")
@pytest.mark.parametrize(
    "resource",
    [
        *("", "/mcp", "notes", "localhost:8000/mcp", "urn:notes", "ftp://h/x", "https:///mcp", "http://h.example/mcp"),
        *(
            "https://h:99999/mcp",
            "https://h:x/mcp",
            "https://[::1/mcp",
            "https://h/mcp#",
            "https://h/mcp#x",
            "https://h/mcp?x=1",
            "https://u:p@h/mcp",
            "https://h/a b",
            "https://h/é",
        ),
    ],
)
def test_a_door_without_a_sound_identifier_of_its_own_is_not_built(resource: str) -> None:
    with pytest.raises(ValueError, match="resource"):
        _door(resource=resource)


def test_a_door_without_any_identifier_is_not_built() -> None:
    with pytest.raises(TypeError):
        Door(App(), issuer=GOOD["issuer"])  # pyright: ignore[reportCallIssue]  the point of the test
    with pytest.raises(TypeError):
        Door(App(), resource=None, issuer=GOOD["issuer"])  # pyright: ignore[reportArgumentType]  likewise


@pytest.mark.parametrize(
    "issuer", ["", "as.example", "http://as.example", "https://as.example?x", "https://as.example#"]
)
def test_a_door_without_a_sound_issuer_is_not_built(issuer: str) -> None:
    with pytest.raises(ValueError, match="issuer"):
        _door(issuer=issuer)


def test_a_url_type_is_refused_because_it_adds_a_slash() -> None:
    with pytest.raises(TypeError, match="add a slash"):
        _door(issuer=AnyHttpUrl())


def test_an_issuer_with_a_slash_of_its_own_is_taken_as_it_is() -> None:
    assert _door(issuer="https://tenant.example/").settings.issuer == "https://tenant.example/"


def test_plain_http_beyond_loopback_takes_a_switch() -> None:
    mesh: dict[str, Any] = {"resource": "http://notes.mesh/mcp", "issuer": "http://as.mesh"}
    with pytest.raises(ValueError, match="allow_http=True"):
        Door(App(), **mesh)
    assert Door(App(), **mesh, allow_http=True).settings.resource == "http://notes.mesh/mcp"


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize("algorithms", [["none"], ["HS256"], ["ES256", "HS256"], [], ["es256"]])
def test_no_symmetric_algorithm_can_be_configured(algorithms: Any) -> None:
    with pytest.raises(ValueError, match="algorithms must be"):
        _door(algorithms=algorithms)


@pytest.mark.requirement("RS-12")
@pytest.mark.parametrize("leeway", [-1, 30.1, 3600, float("nan")])
def test_more_than_thirty_seconds_of_leeway_is_refused(leeway: float) -> None:
    with pytest.raises(ValueError, match="leeway"):
        _door(leeway=leeway)
    assert _door(leeway=30).settings.leeway == 30


@pytest.mark.requirement("RS-08")
@pytest.mark.parametrize(
    "options",
    [{"scopes": ("offline_access",)}, {"tools": {"x": "offline_access"}}, {"implies": {"x": ("offline_access",)}}],
)
def test_offline_access_is_never_a_scope_of_a_resource(options: Any) -> None:
    with pytest.raises(ValueError, match="offline_access"):
        _door(**options)


@pytest.mark.parametrize(
    "options",
    OTHERS,
)
def test_other_unsafe_settings_are_refused(options: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        _door(**options)


@pytest.mark.parametrize(
    "name",
    [
        *("scopes", "public_paths", "other_paths", "allowed_hosts", "allowed_origins", "algorithms"),
        *("token_types", "scope_claims", "client_claims"),
    ],
)
def test_one_string_is_no_collection(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} is a collection"):
        _door(**{name: "/healthz"})


@pytest.mark.parametrize("options", [{"public_paths": ("/mcp",)}, {"public_paths": ("/x",), "mcp_path": "/x"}])
def test_the_protected_endpoint_cannot_be_public(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the protected endpoint itself"):
        _door(**options)


@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (float("inf"), 1), (float("nan"), 1), (1, 0)])
def test_a_rate_that_lets_nothing_or_everything_through_is_refused(per_second: float, burst: int) -> None:
    with pytest.raises(ValueError, match="rate limit"):
        RateLimit(per_second=per_second, burst=burst)
