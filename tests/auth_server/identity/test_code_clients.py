import pytest

from auth_server.identity.lines import IdentityError
from auth_server.identity.load import parse_identity

HEAD = """version: 1
resources:
  - { name: notes, uri: "http://localhost:8000/mcp", scopes: { "mcp:read": Read } }
clients:
  - client_id: one
"""
PUBLIC = "    token_endpoint_auth_method: none\n    grant_types: [authorization_code]\n"


def test_a_public_client_of_the_code_grant_reaches_what_a_person_allows() -> None:
    text = HEAD + PUBLIC + "    redirect_uris: ['https://client.example/cb']\n"
    client = parse_identity("identity.yaml", text).clients["one"]
    assert (client.auth_method, client.any_resource, client.proven) == ("none", True, False)
    assert client.redirect_uris == ("https://client.example/cb",)


@pytest.mark.requirement("AS-14", "AS-20", "AS-44")
@pytest.mark.parametrize(
    ("rest", "told"),
    [
        (PUBLIC, "5: clients[0].redirect_uris: goes with grant_types authorization_code"),
        (
            PUBLIC + "    redirect_uris: ['http://client.example/cb']\n",
            "8: clients[0].redirect_uris[0]: a redirect URI is https",
        ),
        (
            PUBLIC + "    redirect_uris: ['http://localhost/cb']\n",
            "8: clients[0].redirect_uris[0]: a loopback redirect URI is for application_type native",
        ),
        (
            "    token_endpoint_auth_method: none\n    resources: {}\n",
            "clients[0].grant_types: client_credentials is for clients that prove themselves",
        ),
        (
            "    token_endpoint_auth_method: client_secret_basic\n    secret: s\n",
            "clients[0].resources: is required with client_credentials",
        ),
        (
            PUBLIC + "    secret: s\n    redirect_uris: ['https://client.example/cb']\n",
            "clients[0].secret: is nothing for token_endpoint_auth_method none",
        ),
        (
            "    token_endpoint_auth_method: none\n    grant_types: [refresh_token]\n",
            "clients[0].grant_types: refresh_token goes with authorization_code",
        ),
        (
            PUBLIC + "    redirect_uris: ['https://client.example/cb']\n"
            "users:\n  - { name: a, subject: s, secret: x }\n  - { name: b, subject: s, secret: y }\n",
            "users[1].subject: 's' is declared twice",
        ),
        (
            PUBLIC + "    redirect_uris: ['https://client.example/cb']\n"
            "users:\n  - { name: a, subject: 'client:x', secret: x }\n",
            "users[0].subject:",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(rest: str, told: str) -> None:
    with pytest.raises(IdentityError) as refused:
        parse_identity("identity.yaml", HEAD + rest)
    assert told in str(refused.value)
