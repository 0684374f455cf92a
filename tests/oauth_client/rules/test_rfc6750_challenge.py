import pytest
from hypothesis import given
from hypothesis import strategies as st

from oauth_client.models import Challenge
from oauth_client.rules.rfc6750_challenge import challenge_of, challenges_in, scopes_in

TOKEN = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~", min_size=1, max_size=12
)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
SPACE = st.sampled_from(["", " ", "\t", "  "])


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@st.composite
def _written(draw: st.DrawFn) -> tuple[list[tuple[str, dict[str, str]]], str]:
    """Challenges, and one of the many ways to write them."""
    schemes = draw(st.lists(st.tuples(TOKEN, st.dictionaries(TOKEN.map(str.lower), VALUE, max_size=4)), max_size=4))
    written: list[str] = []
    for scheme, params in schemes:
        items = [
            f"{draw(st.sampled_from([name, name.upper()]))}{draw(SPACE)}={draw(SPACE)}{_quoted(value)}"
            for name, value in params.items()
        ]
        separator = f"{draw(SPACE)},{draw(SPACE)}"
        written.append(f"{scheme} {separator.join(items)}".strip())
    return [(scheme.lower(), params) for scheme, params in schemes], f"{draw(SPACE)},{draw(SPACE)}".join(written)


@given(_written())
def test_whatever_is_written_by_the_grammar_is_read_back(case: tuple[list[tuple[str, dict[str, str]]], str]) -> None:
    challenges, header = case
    assert list(challenges_in(header)) == challenges


@given(st.text(max_size=200))
def test_no_header_breaks_the_reader(header: str) -> None:
    assert isinstance(challenge_of([header]), Challenge)


@given(
    st.lists(
        st.sampled_from(["Bearer", " ", ",", "=", '"', "\\", "a", "scope", "Basic x==", 'resource_metadata="u"']),
        max_size=40,
    )
)
def test_no_heap_of_fragments_breaks_the_reader(parts: list[str]) -> None:
    assert isinstance(challenge_of(["".join(parts)]), Challenge)


@pytest.mark.requirement("CL-02")
@pytest.mark.parametrize(
    "headers",
    [
        ['Bearer resource_metadata="https://h/m", scope="a b", error="invalid_token"'],
        ['bearer Scope="a b",ERROR=invalid_token,resource_metadata = "https://h/m"'],
        ['Basic realm="x, Bearer scope=z", Bearer error=invalid_token, scope="a b", resource_metadata="https://h/m"'],
        ['Negotiate abc==, Bearer scope="a b", error="invalid_token", resource_metadata=https://h/m'],
        ["Digest nonce=x", 'BEARER resource_metadata="https://h/\\m", scope="a  b a", error="invalid_token"'],
        ['Bearer scope="other"', 'Bearer error="invalid_token", scope="a b", resource_metadata="https://h/m"'],
        ['Bearer error="invalid_token", scope="a b", resource_metadata="https://h/m", DPoP algs="ES256"'],
        [
            'DPoP algs="ES256", resource_metadata="no", Bearer error="invalid_token",,scope="a b" , resource_metadata="https://h/m"'
        ],
    ],
)
def test_the_bearer_challenge_is_found_however_it_is_written(headers: list[str]) -> None:
    found = challenge_of(headers)
    assert (found.error, found.scopes, found.resource_metadata) == ("invalid_token", ("a", "b"), "https://h/m")


@pytest.mark.parametrize(
    "headers",
    [[], [""], ["Bearer"], ['Basic realm="Bearer"'], ['Bearer scope="unterminated'], ["=,=,="], ['realm="x"']],
)
def test_what_is_no_challenge_asks_for_nothing(headers: list[str]) -> None:
    assert challenge_of(headers) == Challenge()


@pytest.mark.parametrize("broken", ['Bearer scope="x', 'Basic "', "Bearer", "=", ""])
def test_a_malformed_header_does_not_hide_a_sound_one(broken: str) -> None:
    assert challenge_of([broken, 'Bearer scope="y"']).scopes == ("y",)


def test_the_first_of_two_values_counts() -> None:
    assert challenge_of(['Bearer scope="a", scope="b"']).scopes == ("a",)


def test_reading_a_monstrous_header_ends() -> None:
    assert challenge_of(["Bearer " + 'a="b",' * 100_000]) == Challenge()
    assert challenge_of(['Bearer x="' + "\\" * 100_000]) == Challenge()


def test_a_scope_that_is_no_scope_token_is_left_out() -> None:
    assert scopes_in('a "b" c\\d é e\x7f f') == ("a", "f")
