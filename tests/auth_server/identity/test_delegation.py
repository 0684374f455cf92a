from pathlib import Path

import pytest

from auth_server.identity.lines import IdentityError
from auth_server.identity.load import parse_identity

SOUND = """
version: 1
resources:
  - { name: a, uri: "https://a.example", scopes: { ask: Ask } }
  - { name: b, uri: "https://b.example", scopes: { ask: Ask } }
clients:
  - client_id: a
    token_endpoint_auth_method: client_secret_basic
    secret: client-a
    resources: {}
    answers_at: https://a.example
    delegation: { ask: { "https://b.example": [ask] } }
  - client_id: b
    token_endpoint_auth_method: client_secret_basic
    secret: client-b
    resources: {}
trusted_issuers:
  - issuer: https://idp.example
    jwks_uri: https://idp.example/jwks
    id_jag: { "https://b.example": [ask] }
delegation_depth: 2
"""


def test_what_is_said_of_delegation_is_what_counts() -> None:
    identity = parse_identity("identity.yaml", SOUND)
    assert identity.clients["a"].answers_at == "https://a.example"
    assert identity.clients["a"].delegation == {"ask": {"https://b.example": ("ask",)}}
    assert identity.trusted_issuers["https://idp.example"].id_jag == {"https://b.example": ("ask",)}
    assert identity.delegation_depth == 2
    assert parse_identity("identity.yaml", SOUND.replace("delegation_depth: 2\n", "")).delegation_depth == 4


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("answers_at: https://a.example", "answers_at: https://z.example", "answers_at: is not a declared resource"),
        ("    answers_at: https://a.example\n", "", "answers_at: is required with delegation"),
        (
            "    resources: {}\ntrusted",
            "    resources: {}\n    answers_at: https://a.example\ntrusted",
            "another client",
        ),
        ("delegation: { ask:", "delegation: { tell:", "is not a scope of the resource that it answers at"),
        ('{ ask: { "https://b', '{ ask: { "https://z', "must be another declared resource"),
        ('{ ask: { "https://b', '{ ask: { "https://a', "must be another declared resource"),
        ('b.example": [ask] } }', 'b.example": [tell] } }', "'tell' is not a scope of this resource"),
        ('id_jag: { "https://b', 'id_jag: { "https://z', "id_jag.https://z.example: is not a declared resource"),
        ('id_jag: { "https://b.example": [ask]', 'id_jag: { "https://b.example": [tell]', "'tell' is not a scope"),
        ("delegation_depth: 2", "delegation_depth: 9", "less than or equal to 8"),
        ("delegation_depth: 2", "delegation_depth: 0", "greater than or equal to 1"),
        (
            "    token_endpoint_auth_method: client_secret_basic\n    secret: client-a\n",
            "    token_endpoint_auth_method: none\n",
            "delegation: is for clients that prove themselves",
        ),
    ],
)
def test_what_does_not_fit_together_is_told(before: str, after: str, said: str) -> None:
    assert before in SOUND
    with pytest.raises(IdentityError) as refused:
        parse_identity("identity.yaml", SOUND.replace(before, after, 1))
    assert said in str(refused.value)


def test_the_sample_shows_how(request: pytest.FixtureRequest) -> None:
    sample = (Path(request.config.rootpath) / "identity.yaml").read_text(encoding="utf-8")
    assert "delegation:" in sample
