import pytest

from resource_server.errors import InvalidToken
from resource_server.rules.rfc8707_audience import check_audience, comparable

NOTES = "http://localhost:8000/mcp"
CLOCK = "http://localhost:8001/mcp"


@pytest.mark.requirement("RS-10")
@pytest.mark.parametrize(
    "audience", [NOTES, [NOTES], [CLOCK, NOTES], "HTTP://LOCALHOST:8000/mcp", ["Http://Localhost:8000/mcp"]]
)
def test_a_token_that_names_this_resource_is_for_it(audience: object) -> None:
    check_audience(audience, comparable(NOTES))


@pytest.mark.requirement("RS-10")
def test_the_case_of_the_configured_scheme_and_host_is_free_too() -> None:
    check_audience(NOTES, comparable("http://LocalHost:8000/mcp"))


@pytest.mark.requirement("RS-10", "RS-11")
@pytest.mark.parametrize(
    "audience",
    [
        *(None, True, "", [], "*", "mcp", CLOCK, [CLOCK], [[NOTES]], {NOTES: 1}, [NOTES, 1], [NOTES] * 17),
        *(NOTES + "/", NOTES + "#", NOTES + "x", NOTES[:-1]),
        *("http://localhost:8000", "http://localhost:8000/MCP", "http://localhost/mcp", "https://localhost:8000/mcp"),
    ],
)
def test_every_other_audience_is_refused(audience: object) -> None:
    with pytest.raises(InvalidToken):
        check_audience(audience, comparable(NOTES))


def test_only_scheme_and_host_lose_their_case() -> None:
    assert comparable("HTTPS://H.Example/Path?Q#F") == "https://h.example/Path?Q#F"
    assert comparable("URN:Example:A") == "URN:Example:A"
