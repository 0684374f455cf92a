import json

import pytest

from auth_server.endpoints.wire import refusal
from auth_server.errors import InvalidScope


@pytest.mark.requirement("AS-35")
def test_a_description_is_reduced_to_what_the_rfc_allows() -> None:
    answer = refusal(InvalidScope('a "b" \\ \n \u00e9', detail="for the log"))
    assert json.loads(answer.body) == {"error": "invalid_scope", "error_description": "a 'b' ? ? ?"}
    assert b"log" not in answer.body
