import base64

import pytest

from resource_server.errors import HeaderMismatch, MalformedMessage, UnknownTool
from resource_server.rules.mcp_message import check_routing_headers, decoded_value, read_message
from resource_server.rules.rfc9110_fields import Fields
from tests.battery.case import rpc

MODERN = (b"mcp-protocol-version", b"2026-07-28")
METHOD = (b"mcp-method", b"tools/call")
META = "io.modelcontextprotocol/protocolVersion"


def test_a_request_a_notification_and_a_response_are_told_apart() -> None:
    call = read_message(rpc("tools/call", {"name": "list_notes"}))
    assert (call.method, call.name, call.id, call.is_request) == ("tools/call", "list_notes", 1, True)
    note = read_message(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    assert (note.method, note.name, note.id, note.is_request) == ("notifications/initialized", None, None, False)
    response = read_message(b'{"jsonrpc":"2.0","id":"x","result":{}}')
    assert (response.method, response.id) == (None, "x")
    assert read_message(rpc("resources/read", {"uri": "notes://1"})).name == "notes://1"


@pytest.mark.parametrize("body", [b"[]", b"[{}]", b"1", b'"x"', b"null", b'{"method":1}', b'{"method":null}'])
def test_what_is_not_one_message_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage) as refused:
        read_message(body)
    assert refused.value.rpc_code == -32600


def test_a_batch_is_refused_by_its_name() -> None:
    with pytest.raises(MalformedMessage, match="batches are not accepted"):
        read_message(b"[]")


@pytest.mark.parametrize("params", ['{"name":1}', "{}", "[]", '"x"', '{"name":null}'])
def test_a_call_without_a_tool_s_name_is_refused_under_its_id(params: str) -> None:
    with pytest.raises(UnknownTool) as refused:
        read_message(f'{{"id":7,"method":"tools/call","params":{params}}}'.encode())
    assert (refused.value.request_id, refused.value.rpc_code) == (7, -32602)


@pytest.mark.requirement("RS-40")
@pytest.mark.parametrize(
    "headers",
    [
        [MODERN, METHOD],
        [MODERN, (b"mcp-name", b"list_notes")],
        [MODERN, METHOD, (b"mcp-name", b"delete_note")],
        [MODERN, (b"mcp-method", b"tools/list"), (b"mcp-name", b"list_notes")],
        [MODERN, METHOD, (b"mcp-name", b"=?base64?!?=")],
        [MODERN, METHOD, (b"mcp-name", b"list_notes"), (b"mcp-name", b"list_notes")],
    ],
)
def test_since_2026_headers_and_body_agree_or_the_request_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(HeaderMismatch) as refused:
        check_routing_headers(Fields(headers), read_message(rpc("tools/call", {"name": "list_notes"})))
    assert (refused.value.status, refused.value.rpc_code, refused.value.request_id) == (400, -32020, 1)


@pytest.mark.requirement("RS-40")
def test_headers_are_decoded_before_they_are_compared() -> None:
    name = b"=?base64?" + base64.b64encode("größe".encode()) + b"?="
    check_routing_headers(
        Fields([MODERN, METHOD, (b"mcp-name", name)]), read_message(rpc("tools/call", {"name": "größe"}))
    )


@pytest.mark.requirement("RS-40")
def test_the_space_around_a_header_is_no_part_of_it() -> None:
    headers = [(b"mcp-protocol-version", b" 2026-07-28\t"), METHOD, (b"mcp-name", b"\t list_notes ")]
    check_routing_headers(Fields(headers), read_message(rpc("tools/call", {"name": "list_notes"})))
    with pytest.raises(HeaderMismatch):
        check_routing_headers(Fields(headers), read_message(rpc("tools/call", {"name": "delete_note"})))


@pytest.mark.requirement("RS-40")
def test_the_version_in_the_body_may_not_contradict_the_header() -> None:
    for version, sound in (("2026-07-28", True), ("2025-11-25", False), (1, False)):
        message = read_message(rpc("tools/list", {"_meta": {META: version}}))
        headers = [MODERN, (b"mcp-method", b"tools/list")]
        if sound:
            check_routing_headers(Fields(headers), message)
        else:
            with pytest.raises(HeaderMismatch):
                check_routing_headers(Fields(headers), message)


@pytest.mark.requirement("RS-40")
def test_a_notification_need_not_mirror_itself_but_may_not_contradict_itself() -> None:
    note = read_message(b'{"method":"notifications/cancelled"}')
    check_routing_headers(Fields([MODERN]), note)
    check_routing_headers(Fields([MODERN, (b"mcp-method", b"notifications/cancelled")]), note)
    with pytest.raises(HeaderMismatch):
        check_routing_headers(Fields([MODERN, (b"mcp-method", b"tools/list")]), note)


@pytest.mark.parametrize("version", [b"2025-11-25", b"2025-06-18"])
def test_before_2026_the_body_alone_counts(version: bytes) -> None:
    headers = [(b"mcp-protocol-version", version), (b"mcp-method", b"other"), (b"mcp-name", b"other")]
    check_routing_headers(Fields(headers), read_message(rpc("tools/call", {"name": "list_notes"})))


@pytest.mark.parametrize("value", ["=?base64?YQ=?=", "=?base64?YR==?=", "=?base64?/w==?=", "=?base64?Y Q==?="])
def test_a_malformed_sentinel_is_no_value_at_all(value: str) -> None:
    assert decoded_value(value) is None


def test_what_is_no_sentinel_is_itself() -> None:
    assert decoded_value("list_notes") == "list_notes"
    assert decoded_value("=?base64?YQ==?=") == "a"
