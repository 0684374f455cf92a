import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_server.rules.rfc6750_challenge import challenge_of, quoted

URL = "https://h/.well-known/oauth-protected-resource/mcp"


@pytest.mark.requirement("RS-16", "RS-17")
def test_a_challenge_without_a_token_names_no_error() -> None:
    expected = f'Bearer resource_metadata="{URL}", scope="mcp:read mcp:list"'
    assert challenge_of(metadata_url=URL, scopes=("mcp:read", "mcp:list")) == expected.encode()


@pytest.mark.requirement("RS-16")
def test_a_challenge_after_a_bad_token_names_the_error_first() -> None:
    made = challenge_of(metadata_url=URL, scopes=("mcp:read",), error="invalid_token", description="it has expired")
    expected = 'Bearer error="invalid_token", error_description="it has expired", '
    assert made.decode() == expected + f'resource_metadata="{URL}", scope="mcp:read"'


@pytest.mark.requirement("RS-16")
def test_a_challenge_without_scopes_still_has_a_parameter() -> None:
    assert challenge_of(metadata_url=URL, scopes=()) == f'Bearer resource_metadata="{URL}"'.encode()


@given(st.text())
def test_no_text_ends_the_quotes_early_or_starts_a_line(text: str) -> None:
    made = quoted(text)

    assert made.isascii()
    assert made.isprintable()
    assert made[0] == made[-1] == '"'
    assert '"' not in made[1:-1]
    assert "\\" not in made
