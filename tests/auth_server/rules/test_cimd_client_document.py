import json
from typing import Any

import pytest

from auth_server.errors import InvalidClient
from auth_server.models import DocumentPolicy
from auth_server.rules.cimd_client_document import check_document, check_trusted, host_of
from tests.auth_server.world import CLIENT_KEY

URL = "https://client.example/oauth/client.json"
JWKS = {"keys": [CLIENT_KEY.as_dict(private=False)]}


def document(**changed: object) -> bytes:
    sound: dict[str, Any] = {"client_id": URL, "client_name": "Quill", "redirect_uris": ["http://localhost/cb"]}
    return json.dumps({name: value for name, value in {**sound, **changed}.items() if value is not None}).encode()


@pytest.mark.requirement("AS-07")
@pytest.mark.parametrize("url", [URL, "https://a.example:8443/c", "https://a.example/c?v=1", "https://a.example/c/"])
def test_an_https_url_with_a_path_may_be_a_client_id(url: str) -> None:
    assert host_of(url, loopback=False).endswith(".example")


@pytest.mark.requirement("AS-07")
@pytest.mark.parametrize(
    "url",
    [
        "http://client.example/c",
        "https://client.example",
        "https://client.example/",
        "https://client.example?c=1",
        "https://client.example/c#f",
        "https://client.example/c#",
        "https://user@client.example/c",
        "https://user:pass@client.example/c",
        "https://client.example/a/../c",
        "https://client.example/./c",
        "https://client.example/a/%2e%2E/c",
        "https://client.example/..",
        "https://Client.example/c",
        "HTTPS://client.example/c",
        "https://client.example/c c",
        "https://client.example\\c",
        "https://clíent.example/c",
        "https://client.example/" + "c" * 500,
        "https:///c",
        "ftp://client.example/c",
    ],
)
def test_another_url_may_not(url: str) -> None:
    with pytest.raises(InvalidClient):
        host_of(url, loopback=False)


@pytest.mark.requirement("AS-09")
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (document(client_id=None), "client_id"),
        (document(client_id=URL + "/"), "client_id"),
        (document(client_id=URL.upper()), "client_id"),
        (document(client_id=[URL]), "client_id"),
        (document(client_name=None), "required"),
        (document(client_name=""), "required"),
        (document(client_name=7), "client_name"),
        (document(client_name="a\u202eb\n"), "client_name"),
        (document(redirect_uris=None), "required"),
        (document(redirect_uris=[]), "redirect_uris"),
        (document(redirect_uris="https://a.example/cb"), "redirect_uris"),
        (document(redirect_uris=["javascript:alert(1)"]), "redirect URI"),
        (document(redirect_uris=["http://a.example/cb"]), "redirect URI"),
        (document(client_secret="s"), "secret"),
        (document(client_secret_expires_at=0), "secret"),
        (document(token_endpoint_auth_method="client_secret_basic"), "none or private_key_jwt"),
        (document(token_endpoint_auth_method="client_secret_post"), "none or private_key_jwt"),
        (document(token_endpoint_auth_method="private_key_jwt"), "jwks"),
        (document(token_endpoint_auth_method="private_key_jwt", jwks=JWKS, jwks_uri=URL), "exclude"),
        (document(grant_types=["client_credentials"]), "authorization_code"),
        (document(response_types=["token"]), "code"),
    ],
)
def test_a_document_that_is_no_good_is_refused_with_the_reason(body: bytes, why: str) -> None:
    with pytest.raises(InvalidClient, match=why):
        check_document(body, URL)


@pytest.mark.requirement("AS-09")
def test_a_sound_document_makes_a_client() -> None:
    client = check_document(document(unknown={"x": 1}, client_uri="https://client.example"), URL)
    assert (client.client_id, client.client_name, client.auth_method) == (URL, "Quill", "none")
    assert client.any_resource
    assert client.redirect_uris == ("http://localhost/cb",)


@pytest.mark.parametrize(
    ("changed", "proven"),
    [
        ({}, False),
        ({"redirect_uris": ["https://client.example/cb"]}, True),
        ({"redirect_uris": ["https://client.example/cb", "http://127.0.0.1/cb"]}, False),
        ({"token_endpoint_auth_method": "private_key_jwt", "jwks": JWKS}, True),
    ],
)
def test_a_client_is_proven_when_only_its_owner_can_get_at_the_tokens(changed: dict[str, Any], *, proven: bool) -> None:
    assert check_document(document(**changed), URL).proven is proven


@pytest.mark.requirement("AS-07")
@pytest.mark.parametrize(
    ("accept", "refuse", "host", "good"),
    [
        (["*"], [], "a.example", True),
        (["a.example"], [], "a.example", True),
        (["a.example"], [], "b.a.example", False),
        (["a.example"], [], "xa.example", False),
        (["*.a.example"], [], "b.a.example", True),
        (["*.a.example"], [], "a.example", False),
        (["*.a.example"], [], "xa.example", False),
        (["*"], ["*.a.example"], "b.a.example", False),
        (["a.example"], ["a.example"], "a.example", False),
        ([], [], "a.example", False),
    ],
)
def test_the_operator_says_whose_documents_count(
    accept: list[str], refuse: list[str], host: str, *, good: bool
) -> None:
    policy = DocumentPolicy(accept=tuple(accept), refuse=tuple(refuse))
    if good:
        check_trusted(host, policy)
    else:
        with pytest.raises(InvalidClient, match="not accepted"):
            check_trusted(host, policy)
