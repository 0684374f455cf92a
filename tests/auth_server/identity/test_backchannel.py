"""identity.yaml: what clients may ask people for."""

import pytest

from auth_server.identity.lines import IdentityError
from auth_server.identity.load import parse_identity

SOUND = """version: 1
resources:
  - { name: a, uri: "https://a.example", scopes: { ask: Ask, tell: Tell } }
clients:
  - client_id: quill
    token_endpoint_auth_method: client_secret_basic
    secret: client-quill
    resources: {}
    backchannel:
      https://a.example: [ask, tell]
  - client_id: raven
    token_endpoint_auth_method: client_secret_basic
    secret: client-raven
    resources: {}
"""
FIELD = "identity.yaml:10: clients[0].backchannel.https://a.example"


def test_what_a_client_may_ask_for_stands_in_the_file_and_is_nothing_without_it() -> None:
    found = parse_identity("identity.yaml", SOUND)
    assert found.clients["quill"].backchannel == {"https://a.example": ("ask", "tell")}
    assert found.clients["raven"].backchannel == {}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("[ask, tell]", "[ask, shout]", f"{FIELD}[1]: 'shout' is not a scope of this resource"),
        ("[ask, tell]", "[]", f"{FIELD}: names no scope: leave the resource out"),
        ("a.example: [", "b.example: [", f"{FIELD.replace('a.example', 'b.example')}: is not a declared resource"),
        (
            "client_secret_basic\n    secret: client-quill\n    resources: {}",
            "none\n    grant_types: [authorization_code]\n    redirect_uris: [https://a.example/cb]",
            "identity.yaml:9: clients[0].backchannel: is for clients that prove themselves",
        ),
    ],
)
def test_a_mistake_is_told_with_file_line_and_field(before: str, after: str, told: str) -> None:
    with pytest.raises(IdentityError) as wrong:
        parse_identity("identity.yaml", SOUND.replace(before, after, 1))
    assert str(wrong.value) == told
