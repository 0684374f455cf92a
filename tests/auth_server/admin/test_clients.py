import time

import pytest

from auth_server import admin
from tests.auth_server.world import CLIENT_KEY, CLOCK, NOTES, RESEARCHER, SECRETS, Server, World, claims, error, signed

READ = {NOTES: ["mcp:read"]}


@pytest.fixture
def identity(world: World) -> admin.Identity:
    return admin.load_identity(world.identity)


async def _works(server: Server, secret: str | None, client_id: str = "made") -> bool:
    return (await server.token(basic=f"{client_id}:{secret}", resource=NOTES)).status_code == 200


@pytest.mark.requirement("CM-03")
async def test_a_made_client_works_on_every_replica_at_once(
    server: Server, replica: Server, identity: admin.Identity
) -> None:
    made = await admin.add_client(server.world.state, identity, client_id="made", resources=READ)
    assert made.client_id == "made"
    assert made.client_secret
    assert made.client_secret not in repr(made)
    assert await _works(server, made.client_secret)
    assert await _works(replica, made.client_secret)
    assert error(await server.token(basic=f"made:{made.client_secret}", resource=CLOCK)) == (400, "invalid_target")


async def test_a_made_client_survives_a_restart(world: World, identity: admin.Identity) -> None:
    made = await admin.add_client(world.state, identity, resources=READ)
    async with world.server() as server:
        assert await _works(server, made.client_secret, made.client_id)


async def test_a_client_may_be_made_with_its_key(server: Server, identity: admin.Identity) -> None:
    jwks = {"keys": [CLIENT_KEY.as_dict(private=False)]}
    made = await admin.add_client(
        server.world.state, identity, client_id="made", resources=READ, auth_method="private_key_jwt", jwks=jwks
    )
    assert made.client_secret is None
    assert (await server.with_assertion(signed(claims("made")))).status_code == 200


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"client_id": "researcher"}, "already"),
        ({"client_id": "a b"}, "cannot be a client id"),
        ({"client_id": ""}, "cannot be a client id"),
        ({"resources": {}}, "at least one resource"),
        ({"resources": {"https://x.example": ["a"]}}, "is not a resource of identity.yaml"),
        ({"resources": {NOTES: ["mcp:fly"]}}, "has no scope mcp:fly"),
        ({"resources": {NOTES: []}}, "at least one scope"),
        ({"auth_method": "private_key_jwt"}, "needs the client's public keys"),
        ({"jwks": {"keys": []}}, "needs the client's public keys"),
        ({"auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}, "jwks: "),
        ({"auth_method": "private_key_jwt", "jwks": {}}, "JWK Set"),
    ],
)
async def test_what_cannot_be_made_is_said(
    world: World, identity: admin.Identity, given: dict[str, object], says: str
) -> None:
    arguments: dict[str, object] = {"resources": READ, **given}
    with pytest.raises(admin.AdminError, match=says):
        await admin.add_client(world.state, identity, **arguments)  # pyright: ignore[reportArgumentType]


async def test_an_id_is_given_once(world: World, identity: admin.Identity) -> None:
    await admin.add_client(world.state, identity, client_id="made", resources=READ)
    with pytest.raises(admin.AdminError, match="already"):
        await admin.add_client(world.state, identity, client_id="made", resources=READ)


async def test_clients_are_listed_with_where_they_come_from(world: World, identity: admin.Identity) -> None:
    await admin.add_client(world.state, identity, client_id="made", client_name="Made", resources=READ)
    await admin.disable_client(world.state, identity, "operator")
    listed = await admin.list_clients(world.state, identity)
    assert [(client.client_id, client.origin, client.disabled) for client in listed] == [
        ("researcher", "identity.yaml", False),
        ("operator", "identity.yaml", True),
        ("keyed", "identity.yaml", False),
        ("scribe", "identity.yaml", False),
        ("desk", "identity.yaml", False),
        ("portal", "identity.yaml", False),
        ("kiosk", "identity.yaml", False),
        ("made", "run time", False),
    ]
    assert listed[-1].resources == {NOTES: ("mcp:read",)}
    assert abs(listed[-1].created - time.time()) < 60


async def test_a_rotated_secret_and_the_one_before_are_valid_and_no_other(
    server: Server, replica: Server, identity: admin.Identity
) -> None:
    state, secrets = server.world.state, server.world.secrets
    first = (await admin.add_client(state, identity, client_id="made", resources=READ)).client_secret
    assert await _works(replica, first)
    second = (await admin.rotate_secret(state, secrets, identity, "made")).client_secret
    for where in (server, replica):
        assert [await _works(where, secret) for secret in (first, second)] == [True, True]
    third = (await admin.rotate_secret(state, secrets, identity, "made")).client_secret
    server.world.clock.now += 6
    for where in (server, replica):
        assert [await _works(where, secret) for secret in (first, second, third)] == [False, True, True]


async def test_a_declared_clients_secret_is_rotated_too(
    server: Server, replica: Server, identity: admin.Identity
) -> None:
    state, secrets = server.world.state, server.world.secrets
    stored = SECRETS["client-operator"]
    tried = [stored["previous"], stored["secret"]]
    tried += [str((await admin.rotate_secret(state, secrets, identity, "operator")).client_secret)]
    for where in (server, replica):
        assert await _works(where, tried[-1], "operator")
        assert [await _works(where, secret, "operator") for secret in tried] == [False, True, True]
    tried += [str((await admin.rotate_secret(state, secrets, identity, "operator")).client_secret)]
    for where in (server, replica):
        await where.parts.refresh()
        assert [await _works(where, secret, "operator") for secret in tried] == [False, False, True, True]
    secrets.found["client-operator"] = {"secret": "put-into-the-store-by-hand"}
    assert await _works(server, "put-into-the-store-by-hand", "operator")


async def test_a_rotated_secret_that_was_put_into_the_store_is_still_one_of_two(
    server: Server, identity: admin.Identity
) -> None:
    state, secrets = server.world.state, server.world.secrets
    new = str((await admin.rotate_secret(state, secrets, identity, "researcher")).client_secret)
    secrets.found["client-researcher"] = {"secret": new, "previous": SECRETS["client-researcher"]["secret"]}
    newer = str((await admin.rotate_secret(state, secrets, identity, "researcher")).client_secret)
    await server.parts.refresh()
    old = SECRETS["client-researcher"]["secret"]
    assert [await _works(server, secret, "researcher") for secret in (old, new, newer)] == [False, True, True]


async def test_a_disabled_client_is_refused_on_every_replica_within_seconds_and_can_come_back(
    server: Server, replica: Server, identity: admin.Identity
) -> None:
    state = server.world.state
    made = (await admin.add_client(state, identity, client_id="made", resources=READ)).client_secret
    researcher = RESEARCHER.partition(":")[2]
    for client_id, secret in (("made", made), ("researcher", researcher)):
        assert await _works(replica, secret, client_id)
        await admin.disable_client(state, identity, client_id)
        server.world.clock.now += 6
        for where in (server, replica):
            await where.parts.refresh()
            assert not await _works(where, secret, client_id)
        await admin.disable_client(state, identity, client_id, disabled=False)
        server.world.clock.now += 6
        await replica.parts.refresh()
        assert await _works(replica, secret, client_id)


async def test_a_disabled_client_is_refused_whichever_way_it_proves_itself(
    server: Server, identity: admin.Identity
) -> None:
    await admin.disable_client(server.world.state, identity, "keyed")
    await server.parts.refresh()
    assert error(await server.with_assertion(signed(claims()))) == (401, "invalid_client")


async def test_what_is_not_there_or_has_no_secret_is_said(world: World, identity: admin.Identity) -> None:
    for client_id in ("nobody", "a||b", "keyed"):
        with pytest.raises(admin.AdminError):
            await admin.rotate_secret(world.state, world.secrets, identity, client_id)
    with pytest.raises(admin.AdminError, match="no client 'nobody'"):
        await admin.disable_client(world.state, identity, "nobody")


@pytest.mark.parametrize(("uses", "expires_in"), [(0, 60), (1, 0)])
async def test_an_invitation_has_a_use_and_a_second(
    world: World, identity: admin.Identity, uses: int, expires_in: int
) -> None:
    with pytest.raises(admin.AdminError):
        await admin.invite(world.state, identity, resources=READ, uses=uses, expires_in=expires_in)


async def test_keys_are_listed_before_and_after_the_first_start(world: World) -> None:
    assert await admin.list_keys(world.state) == ()
    async with world.server():
        listed = await admin.list_keys(world.state)
    assert sorted((key.alg, key.role) for key in listed if key.active_from) == [
        ("ES256", "current"),
        ("EdDSA", "current"),
        ("RS256", "current"),
    ]
