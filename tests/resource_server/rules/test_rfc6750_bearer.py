import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_server.errors import InvalidRequest, InvalidToken, NoToken, Refusal
from resource_server.rules.rfc6750_bearer import check_token, take_token
from resource_server.rules.rfc9110_fields import Fields


def _take(*values: bytes, query: bytes = b"", max_length: int = 100) -> bytes:
    fields = Fields([(b"accept", b"*/*"), *((b"authorization", value) for value in values)])
    token = take_token(fields, query, max_length=max_length)
    check_token(token)
    return token


@pytest.mark.requirement("RS-14")
@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"bEaReR"])
def test_the_scheme_s_case_is_free(scheme: bytes) -> None:
    assert _take(scheme + b" abc.def-_~+/==") == b"abc.def-_~+/=="


@pytest.mark.requirement("RS-14")
@pytest.mark.parametrize(
    "query", [b"access_token=abc", b"x=1&access_token=abc", b"access%5ftoken=abc", b"access_token="]
)
def test_a_token_in_the_query_is_never_used_and_never_tolerated_beside_another(query: bytes) -> None:
    with pytest.raises(NoToken):
        _take(query=query)
    with pytest.raises(InvalidRequest):
        _take(b"Bearer abc", query=query)


def test_a_query_that_merely_resembles_a_token_is_the_app_s_business() -> None:
    assert _take(b"Bearer abc", query=b"my_access_token=1&q=access_token&access_token_x=2") == b"abc"


@pytest.mark.parametrize("length", [100, 101])
def test_the_length_of_a_token_is_bounded(length: int) -> None:
    if length == 100:
        assert len(_take(b"Bearer " + b"x" * length)) == 100
    else:
        with pytest.raises(InvalidToken):
            _take(b"Bearer " + b"x" * length)


@pytest.mark.parametrize(
    "value", [b"Bearer a b", b"Bearer a,b", b"Bearer \xe9", b'Bearer "a"', b"Bearer a\n", b"Bearer ="]
)
def test_what_is_no_b64token_is_malformed(value: bytes) -> None:
    with pytest.raises(InvalidToken):
        _take(value)


@given(st.lists(st.binary(), max_size=3), st.binary())
def test_nothing_but_a_refusal_comes_of_any_header_and_query(values: list[bytes], query: bytes) -> None:
    try:
        token = _take(*values, query=query)
    except Refusal:
        return
    assert token in values[0]
