import pytest

from sidecar.audit import FIELDS, decision, trace_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_an_event_has_the_same_order_everywhere_and_nothing_empty() -> None:
    said = decision(scope=("mcp:read", "mcp:write"), actors=(), outcome="exchanged", subject="u-grace", reason="")
    assert list(said.items()) == [("outcome", "exchanged"), ("subject", "u-grace"), ("scope", "mcp:read mcp:write")]
    assert len(set(FIELDS)) == len(FIELDS)


def test_a_name_that_no_other_app_knows_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="access_token"):
        decision(outcome="issued", access_token="x")


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-what", TRACE),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE[1:]}-00f067aa0ba902b7-01", ""),
        (f"0-{TRACE}-00f067aa0ba902b7-01", ""),
        ("", ""),
    ],
)
def test_a_trace_is_known_by_its_w3c_header(sent: str, found: str) -> None:
    assert trace_id([(b"host", b"x"), (b"traceparent", sent.encode())]) == found


def test_a_request_outside_any_trace_has_none() -> None:
    assert trace_id([(b"host", b"x")]) == ""
