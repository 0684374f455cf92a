import pytest

from auth_server.errors import InvalidTarget
from auth_server.rules.rfc8707_resource import canonical, choose, requested

NOTES, FILES = "https://notes.example/mcp", "https://files.example/mcp"


@pytest.mark.requirement("AS-32")
@pytest.mark.parametrize(
    "uri",
    [
        "notes",
        "",
        "//notes.example/mcp",
        f"{NOTES}#x",
        f"{NOTES}#",
        f"{NOTES} ",
        f" {NOTES}",
        f"{NOTES}\n",
        "https://nötes.example",
        "http://[",
        "urn:notes",
    ],
)
def test_what_is_no_absolute_uri_without_fragment_is_refused(uri: str) -> None:
    with pytest.raises(InvalidTarget):
        canonical(uri)


@pytest.mark.parametrize(
    ("uri", "same"),
    [
        ("HTTPS://Notes.Example/mcp", NOTES),
        (f"{NOTES}/", f"{NOTES}/"),
        ("https://notes.example:443/MCP?A=b", "https://notes.example:443/MCP?A=b"),
        ("https://U:P@H/x", "https://U:P@h/x"),
        ("https://[::A]:1/", "https://[::a]:1/"),
    ],
)
def test_only_scheme_and_host_lose_their_case(uri: str, same: str) -> None:
    assert canonical(uri) == same


@pytest.mark.requirement("AS-32")
@pytest.mark.parametrize(
    "uri", ["https://evil.example/mcp", f"{NOTES}/", f"{NOTES}/..", f"{NOTES}?", "http://notes.example/mcp"]
)
def test_an_unknown_resource_is_an_invalid_target(uri: str) -> None:
    with pytest.raises(InvalidTarget):
        requested([uri], None, known={NOTES, FILES})


@pytest.mark.requirement("AS-31")
def test_a_token_is_for_one_resource() -> None:
    assert requested([NOTES, NOTES], NOTES, known={NOTES}) == NOTES
    for resources, audience in (([NOTES, FILES], None), ([NOTES], FILES)):
        with pytest.raises(InvalidTarget):
            requested(resources, audience, known={NOTES, FILES})


@pytest.mark.requirement("AS-33")
def test_without_a_resource_a_default_is_chosen_and_never_a_wildcard() -> None:
    assert requested([], None, known={NOTES}) is None
    assert choose(None, allowed=[NOTES], default=None) == NOTES
    assert choose(None, allowed=[NOTES, FILES], default=FILES) == FILES
    assert choose(None, allowed=[NOTES], default=FILES) == NOTES
    for allowed in ([], [NOTES, FILES]):
        with pytest.raises(InvalidTarget):
            choose(None, allowed=allowed, default=None)
    with pytest.raises(InvalidTarget):
        choose(FILES, allowed=[NOTES], default=None)
