import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_server.errors import Unparseable
from resource_server.rules.rfc7493_json import read_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_what_json_writes_is_read_back(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value


@given(st.binary())
def test_any_bytes_are_read_as_json_reads_them_or_refused(text: bytes) -> None:
    try:
        value = read_json(text)
    except Unparseable:
        return
    assert value == json.loads(text.decode())


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":1}',
        b'[{"x":{"a":1,"\\u0061":2}}]',
        b"NaN",
        b"[-Infinity]",
        b"1e999",
        b"-1e999",
        b"1" * 5000,
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'"\xff"',
        b'"\\ud800"',
        b'{"\\udc00":1}',
        b"",
        b"{}{}",
        b"\x00",
        b"{'a':1}",
    ],
)
def test_what_parsers_disagree_about_is_refused(text: bytes) -> None:
    with pytest.raises(Unparseable):
        read_json(text)


@pytest.mark.parametrize(
    "text", [b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 500_000, b'[{"a":' * 40]
)
def test_deep_nesting_is_refused_before_it_is_parsed(text: bytes) -> None:
    with pytest.raises(Unparseable):
        read_json(text)


def test_brackets_in_strings_and_wide_lists_are_not_depth() -> None:
    assert read_json(b'["' + b"[{" * 200 + b'\\"[["]') == ["[{" * 200 + '"[[']
    assert read_json(b"[" + b"[]," * 200 + b"[]]") == [[]] * 201
    assert read_json(b"[" * 64 + b"]" * 64)
