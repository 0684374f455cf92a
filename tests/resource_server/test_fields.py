from hypothesis import given
from hypothesis import strategies as st

from resource_server.fields import Fields

NAMES = [b"host", b"origin", b"accept"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=2))))
def test_every_value_of_a_field_is_found_in_its_order(headers: list[tuple[bytes, bytes]]) -> None:
    fields = Fields(headers)
    for name in NAMES:
        assert fields[name] == tuple(value for found, value in headers if found == name)
