import asyncio
import base64
import json
from collections.abc import Callable

import pytest

from auth_server import admin
from auth_server.errors import ServerError
from auth_server.key_ring import LEAD
from auth_server.keys import Keys
from auth_server.sealing import KeyEncryptionKeyError, Sealer, read_sealer
from auth_server.store.records import RingRecords
from tests.auth_server.world import NOTES, Server, StoredSecrets, World, part, urlsafe

KEK = base64.urlsafe_b64encode(b"k" * 32).decode()


async def _keys(world: World) -> Keys:
    return Keys(RingRecords(world.state), await read_sealer(world.secrets), world.clock)


@pytest.mark.requirement("AS-43")
async def test_replicas_that_start_at_once_agree_on_one_ring(world: World) -> None:
    replicas = [await _keys(world) for _ in range(4)]
    await asyncio.gather(*(replica.refresh() for replica in replicas))
    assert len({replica.jwks() for replica in replicas}) == 1
    token = replicas[0].sign("ES256", {"sub": "x"})
    assert replicas[3].recognise(token) == {"sub": "x"}


async def test_a_restarted_server_has_the_same_keys(world: World) -> None:
    before, after = await _keys(world), await _keys(world)
    await before.refresh()
    token = before.sign("RS256", {"sub": "x"})
    await after.refresh()
    assert after.recognise(token) == {"sub": "x"}


@pytest.mark.requirement("AS-43")
async def test_a_rotation_reaches_every_replica_without_a_token_that_someone_cannot_verify(
    server: Server, replica: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = server.world
    monkeypatch.setattr("time.time", world.clock)
    old = (await server.token(resource=NOTES)).json()["access_token"]
    known_before = {key["kid"] for key in await replica.keys()}
    world.clock.now += LEAD
    listed = await admin.rotate_keys(world.state, world.secrets)
    assert sorted(key.role for key in listed) == ["current"] * 3 + ["next"] * 3 + ["retired"] * 3
    await server.parts.refresh()
    new = (await server.token(resource=NOTES)).json()["access_token"]
    kid = (await server.verified(new)).header["kid"]
    assert kid != (await server.verified(old)).header["kid"]
    assert kid in known_before
    await replica.verified(new)
    await replica.verified(old)
    await replica.parts.refresh()
    assert await replica.keys() == await server.keys()


class Polls:
    """The pause between polls: none, until they have been so many; `before` happens before each."""

    def __init__(self, *before: Callable[[], None]) -> None:
        self._before = list(before)

    async def __call__(self) -> None:
        if not self._before:
            raise asyncio.CancelledError
        self._before.pop(0)()


async def test_a_poll_that_fails_is_tried_again_and_then_brings_what_others_changed(server: Server) -> None:
    world = server.world
    await admin.rotate_keys(world.state, world.secrets)

    def away() -> None:
        world.state.away = True

    def back() -> None:
        world.state.away = False

    for polls, keys in ((Polls(away, away), 6), (Polls(away, back), 9)):
        with pytest.raises(asyncio.CancelledError):
            await server.parts.keep_fresh(polls)
        assert len(await server.keys()) == keys


async def test_no_private_key_is_readable_in_the_store(world: World) -> None:
    await (await _keys(world)).refresh()
    ring = await RingRecords(world.state).read()
    assert ring is not None
    sealer = await read_sealer(world.secrets)
    entry = await world.state.get("signing-keys")
    assert entry is not None
    stored = json.dumps(entry.value).encode()
    for key in ring.keys:
        plain = sealer.open(key.sealed, f"{key.alg} {key.kid}")
        assert key.sealed.encode() in stored
        for readable in (plain, base64.b64encode(plain), base64.b64encode(plain[-24:])):
            assert readable not in stored


@pytest.mark.parametrize(
    ("kek", "says"),
    [
        (None, "no key-encryption key"),
        ({"kek": "c2hvcnQ"}, "32 bytes"),
        ({"kek": "é"}, "32 bytes"),
        ({"other": KEK}, "32 bytes"),
    ],
)
async def test_a_server_does_not_start_without_a_sound_key_encryption_key(
    world: World, kek: dict[str, str] | None, says: str
) -> None:
    world.secrets.found.pop("auth-server-kek")
    if kek is not None:
        world.secrets.found["auth-server-kek"] = kek
    with pytest.raises(KeyEncryptionKeyError, match=says):
        async with world.server():
            pass


async def test_a_server_does_not_start_with_another_key_encryption_key(world: World) -> None:
    async with world.server():
        pass
    world.secrets.found["auth-server-kek"] = {"kek": base64.b64encode(b"x" * 32).decode()}
    with pytest.raises(KeyEncryptionKeyError, match="auth-server-kek"):
        async with world.server():
            pass


async def test_the_key_encryption_key_can_be_changed_without_an_outage(world: World) -> None:
    async with world.server() as server:
        token = (await server.token(resource=NOTES)).json()["access_token"]
    other = base64.b64encode(b"x" * 32).decode()
    world.secrets.found["auth-server-kek"] = {"kek": other, "previous": KEK}
    await admin.rotate_keys(world.state, world.secrets)
    world.secrets.found["auth-server-kek"] = {"kek": other}
    async with world.server() as server:
        assert server.parts.keys.recognise(token) is not None


def test_a_sealed_key_opens_only_in_its_place() -> None:
    sealer = Sealer([b"k" * 32])
    sealed = sealer.seal(b"plain", "ES256 one")
    assert sealer.open(sealed, "ES256 one") == b"plain"
    assert sealer.seal(b"plain", "ES256 one") != sealed
    for wrong, about in ((sealed, "ES256 two"), (sealed[:-8], "ES256 one"), ("", "ES256 one"), ("?", "ES256 one")):
        with pytest.raises(KeyEncryptionKeyError):
            sealer.open(wrong, about)


async def test_a_server_without_keys_signs_nothing(world: World) -> None:
    with pytest.raises(ServerError):
        (await _keys(world)).sign("ES256", {})


async def test_only_access_tokens_of_this_server_are_recognised(server: Server) -> None:
    token = (await server.token(resource=NOTES)).json()["access_token"]
    head, body, signature = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    for changed in ({"typ": "JWT"}, {"kid": "x"}, {"kid": None}, {"alg": "none"}, {"alg": "HS256"}):
        other = base64.urlsafe_b64encode(json.dumps({**header, **changed}).encode()).decode().rstrip("=")
        assert server.parts.keys.recognise(f"{other}.{body}.{signature}") is None
    signing = server.parts.keys._opened[header["kid"]].material  # pyright: ignore[reportPrivateUsage]
    for typ, recognised in (("at+jwt", True), ("JWT", False)):
        signed = f"{part({**header, 'typ': typ})}.{body}"
        again = f"{signed}.{urlsafe(signing.sign(signed.encode()))}"
        assert (server.parts.keys.recognise(again) is not None) is recognised


async def test_a_missing_secret_of_one_client_stops_nobody_else(world: World) -> None:
    world.secrets = StoredSecrets()
    world.secrets.found.pop("client-operator")
    async with world.server() as server:
        assert (await server.token(resource=NOTES)).status_code == 200
        assert (await server.operator(resource=NOTES)).status_code == 401
        world.secrets.found["client-operator"] = {"secret": "operator-secret-of-many-characters"}
        world.clock.now += 10
        assert (await server.operator(resource=NOTES)).status_code == 200
