from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server.errors import InvalidRequest
from auth_server.form import Form

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(TEXT.filter(bool), TEXT.filter(bool), max_size=20))
def test_what_was_encoded_is_read_back(fields: dict[str, str]) -> None:
    form = Form.parse(urlencode(fields).encode())
    assert {name: form.one(name) for name in fields} == fields


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_an_invalid_request(body: bytes) -> None:
    with suppress(InvalidRequest):
        assert Form.parse(body).one("") is None or b"=" in body


def test_an_empty_value_counts_as_not_sent() -> None:
    form = Form.parse(b"a=&b&c=1&&resource=&resource=x")
    assert (form.one("a"), form.one("b"), form.one("c"), form.all("resource")) == (None, None, "1", ("x",))
    with pytest.raises(InvalidRequest, match="a is required"):
        form.required("a")


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"a=&a=1", b"a&a", b"%61=1&a=2", b"a=\xc3\xa9", b"a=%C3", b"a=%", b"a=%6", b"%zz=1"]
)
def test_a_repeated_or_broken_parameter_is_an_invalid_request(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        Form.parse(body)


def test_a_form_has_a_bounded_number_of_parameters() -> None:
    assert Form.parse(b"&".join(b"p%d=1" % number for number in range(64))).one("p63") == "1"
    with pytest.raises(InvalidRequest, match="too many"):
        Form.parse(b"&".join(b"p%d=1" % number for number in range(65)))
