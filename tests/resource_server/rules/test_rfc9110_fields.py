from hypothesis import given
from hypothesis import strategies as st

from resource_server.rules.rfc9110_fields import Fields

NAMES = [b"host", b"origin", b"accept"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=2))))
def test_a_field_that_comes_twice_is_known_to_be_repeated_and_all_its_values_are_there(
    headers: list[tuple[bytes, bytes]],
) -> None:
    fields = Fields(headers)
    for name in NAMES:
        values = [value for found, value in headers if found == name]
        assert fields.all(name) == values
        assert (name in fields.repeated) is (len(values) > 1)
        assert fields.get(name) in (values or [None])
        assert fields.without(name) == [field for field in headers if field[0] != name]
