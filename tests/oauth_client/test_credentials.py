import asyncio
import json
from pathlib import Path

import pytest
from joserfc import jwk

from oauth_client import ClientSecret, CredentialsUnusable, MethodNotOffered, PrivateKey, TokenRefused, WorkloadToken
from oauth_client.credentials import Credentials
from oauth_client.models import Proof, ServerMetadata
from tests.oauth_client.town import CLIENT, ISSUER, RESOURCE, SECRET, World

SERVER = ServerMetadata(issuer=ISSUER, token_endpoint=f"{ISSUER}/token")
KEYS: dict[str, jwk.ECKey | jwk.OKPKey | jwk.RSAKey] = {
    "ES256": jwk.ECKey.generate_key("P-256"),
    "EdDSA": jwk.OKPKey.generate_key("Ed25519"),
    "RS256": jwk.RSAKey.generate_key(2048),
}
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # the tests' own server verifies it


async def _fetch(world: World, credentials: Credentials) -> None:
    async with world.tokens(credentials) as tokens:
        await tokens.fetch(RESOURCE)


@pytest.mark.requirement("CL-07", "CM-04")
@pytest.mark.parametrize("listed", ["client_secret_basic", "client_secret_post"])
async def test_a_secret_travels_in_the_way_the_server_lists(world: World, listed: str) -> None:
    world.server.methods = [listed]
    await _fetch(world, ClientSecret(CLIENT, SECRET))
    assert ("client_secret" in world.server.forms[0]) is (listed == "client_secret_post")


@pytest.mark.requirement("CL-07")
async def test_a_method_of_the_clients_own_choice_is_used_only_if_the_server_lists_it(world: World) -> None:
    await _fetch(world, ClientSecret(CLIENT, SECRET, "client_secret_post"))
    assert world.server.forms[0]["client_secret"] == SECRET
    world.server.methods = ["client_secret_basic"]
    with pytest.raises(MethodNotOffered):
        await _fetch(world, ClientSecret(CLIENT, SECRET, "client_secret_post"))


@pytest.mark.requirement("CM-08")
async def test_no_secret_and_no_assertion_is_ever_part_of_a_url(world: World) -> None:
    world.server.key = KEYS["ES256"]
    for credentials in (
        ClientSecret(CLIENT, SECRET, "client_secret_post"),
        PrivateKey(CLIENT, KEYS["ES256"].as_dict(private=True)),
    ):
        await _fetch(world, credentials)
    assert "?" not in "".join(world.town.asked)


@pytest.mark.requirement("CM-08")
async def test_a_rotated_secret_is_picked_up_and_no_request_is_lost(world: World) -> None:
    stored, reads = [SECRET], list[str]()

    async def read() -> str:
        reads.append(stored[0])
        return stored[0]

    async with world.tokens(ClientSecret(CLIENT, read)) as tokens:
        await tokens.fetch(RESOURCE)
        world.clock.now += 700
        await tokens.fetch(RESOURCE)
        assert reads == [SECRET]
        stored[0], world.server.secrets = "new secret", ["new secret"]
        world.clock.now += 700
        scopes = (("mcp:read",), ("mcp:write",), ("mcp:delete",))
        await asyncio.gather(*(tokens.fetch(RESOURCE, scope) for scope in scopes))
    assert set(reads[1:]) == {"new secret"}


async def test_a_secret_that_did_not_change_is_not_tried_again(world: World) -> None:
    world.server.secrets = ["other"]

    async def read() -> str:
        return SECRET

    for credentials in (ClientSecret(CLIENT, SECRET), ClientSecret(CLIENT, read)):
        world.server.forms.clear()
        with pytest.raises(TokenRefused, match="invalid_client"):
            await _fetch(world, credentials)
        assert len(world.server.forms) == 1


async def test_an_empty_secret_is_an_error_of_ours(world: World) -> None:
    async def read() -> str:
        return ""

    for credentials in (ClientSecret(CLIENT, ""), ClientSecret(CLIENT, read)):
        with pytest.raises(CredentialsUnusable, match="empty"):
            await _fetch(world, credentials)


@pytest.mark.requirement("CM-04", "CM-06", "CM-07")
@pytest.mark.parametrize("alg", KEYS)
@pytest.mark.parametrize("form", ["dict", "json", "pem", "pem bytes"])
async def test_a_key_of_each_kind_and_form_proves_the_client(world: World, alg: str, form: str) -> None:
    key = KEYS[alg]
    forms: dict[str, str | bytes | dict[str, object]] = {
        "dict": dict(key.as_dict(private=True)),
        "json": json.dumps(key.as_dict(private=True)),
        "pem": key.as_pem(private=True).decode(),
        "pem bytes": key.as_pem(private=True),
    }
    world.server.key = key
    world.server.extra = {"token_endpoint_auth_signing_alg_values_supported": [alg]}
    async with world.tokens(PrivateKey(CLIENT, forms[form])) as tokens:
        await tokens.fetch(RESOURCE)
        await tokens.fetch(RESOURCE, ("mcp:write",))
    assert len(world.server.jtis) == 2
    assert world.server.forms[0].keys() == {
        "grant_type",
        "resource",
        "client_id",
        "client_assertion_type",
        "client_assertion",
    }


async def test_a_key_carries_its_kid_and_signs_by_the_name_the_server_knows(world: World) -> None:
    key = jwk.OKPKey.generate_key("Ed25519", {"kid": "k1"})
    world.server.key = key
    world.server.extra = {"token_endpoint_auth_signing_alg_values_supported": ["Ed25519"]}
    await _fetch(world, PrivateKey(CLIENT, dict(key.as_dict(private=True))))
    assertion = world.server.forms[0]["client_assertion"]
    header = json.loads(_unpadded(assertion.split(".")[0]))
    assert header == {"alg": "Ed25519", "typ": "client-authentication+jwt", "kid": "k1"}


def _unpadded(part: str) -> bytes:
    from base64 import urlsafe_b64decode  # noqa: PLC0415 - only here

    return urlsafe_b64decode(part + "==")


async def test_a_key_is_not_used_where_its_algorithm_is_not_verified(world: World) -> None:
    world.server.extra = {"token_endpoint_auth_signing_alg_values_supported": ["RS256"]}
    with pytest.raises(MethodNotOffered, match="verifies RS256; this client's key signs ES256"):
        await _fetch(world, PrivateKey(CLIENT, KEYS["ES256"].as_dict(private=True)))


@pytest.mark.requirement("CL-07")
async def test_an_assertion_is_sent_only_where_private_key_jwt_is_listed(world: World, tmp_path: Path) -> None:
    world.server.methods = ["client_secret_basic"]
    (tmp_path / "token").write_text("workload.token")
    for credentials in (
        PrivateKey(CLIENT, KEYS["ES256"].as_dict(private=True)),
        WorkloadToken(CLIENT, tmp_path / "token"),
    ):
        with pytest.raises(MethodNotOffered, match="this client can do private_key_jwt"):
            await _fetch(world, credentials)
    assert world.server.forms == []


@pytest.mark.parametrize(
    "key",
    [
        "no key",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        KEYS["ES256"].as_pem(private=False),
        KEYS["EdDSA"].as_dict(private=False),
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQ"},
        {"kty": "oct", "k": "YWJj"},
        {"kty": "EC"},
        {},
        "{}",
        "{",
        jwk.OKPKey.generate_key("X25519").as_dict(private=True),
    ],
)
def test_what_cannot_sign_is_refused_and_not_repeated(key: str | bytes | dict[str, object]) -> None:
    with pytest.raises(CredentialsUnusable) as caught:
        PrivateKey(CLIENT, key)
    assert "c2Vj" not in str(caught.value)
    assert "AAAA" not in str(caught.value)


@pytest.mark.requirement("CM-08")
async def test_a_workload_token_is_read_anew_for_each_request(world: World, tmp_path: Path) -> None:
    file = tmp_path / "token"
    credentials = WorkloadToken(CLIENT, file)
    file.write_text("first.token\n")
    assert (await credentials.prove(SERVER)).form["client_assertion"] == "first.token"
    used = await credentials.prove(SERVER)
    assert not await credentials.renew(used)
    file.write_text("second.token")
    assert await credentials.renew(used)
    assert (await credentials.prove(SERVER)).form["client_assertion"] == "second.token"
    assert world.server.forms == []


@pytest.mark.parametrize("content", [None, b"", b" \n", "tökén".encode()])
async def test_a_workload_token_that_is_not_there_is_an_error_of_ours(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CredentialsUnusable, match="workload token"):
        await WorkloadToken(CLIENT, file).prove(SERVER)


@pytest.mark.requirement("ALL-01")
async def test_no_repr_shows_a_secret_or_a_key(tmp_path: Path) -> None:
    key = KEYS["ES256"].as_dict(private=True)
    file = tmp_path / "token"
    file.write_text("workload.token")
    for credentials in (ClientSecret(CLIENT, SECRET), PrivateKey(CLIENT, key), WorkloadToken(CLIENT, file)):
        proof: Proof = await credentials.prove(SERVER)
        said = repr(credentials) + repr(vars(credentials).get("_key")) + repr(proof)
        assert not any(hidden in said for hidden in (SECRET, str(key["d"]), "workload.token", "eyJ"))
