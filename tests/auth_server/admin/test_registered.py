"""What an operator sees and does of clients that registered themselves."""

import time

import pytest

from auth_server import admin
from auth_server.registrations import UNUSED_LEASE, USED_LEASE
from auth_server.store.registrations import RegistrationRecords
from tests.auth_server.person import Person, asked, refresh
from tests.auth_server.world import Server

BACK = "http://127.0.0.1:5000/callback"


@pytest.fixture
def identity(server: Server) -> admin.Identity:
    server.world.clock.now = time.time()  # the command line has no other clock
    return admin.load_identity(server.world.identity)


async def registered(server: Server, name: str) -> str:
    answer = await server.http.post(
        "/register",
        json={"redirect_uris": [BACK], "client_name": name, "grant_types": ["authorization_code", "refresh_token"]},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["client_id"]


async def test_clients_that_registered_themselves_are_listed_while_their_lease_lasts(
    server: Server, identity: admin.Identity
) -> None:
    made = {await registered(server, str(number)): str(number) for number in range(5)}
    listed = [one for one in await admin.list_clients(server.world.state, identity) if one.client_id in made]
    assert {one.client_id: one.client_name for one in listed} == made
    assert {(one.origin, one.auth_method) for one in listed} == {("registered itself", "none")}
    used = next(iter(made))
    await Person(server=server).tokens(client_id=used, redirect_uri=BACK)
    records = RegistrationRecords(server.world.state, server.world.clock)
    for later, there in ((UNUSED_LEASE + 1, {used}), (USED_LEASE, set[str]())):
        server.world.clock.now += later
        assert {row.client.client_id for row in await records.listed()} == there


async def test_what_has_ended_leaves_the_lists(server: Server, identity: admin.Identity) -> None:
    assert identity
    for number in range(40):
        await registered(server, str(number % 10))
        server.world.clock.now += UNUSED_LEASE + 1
    left = [await server.world.state.get(f"registrations-listed-{shelf}") for shelf in range(64)]
    assert sum(len(str(entry.value).split(",")) for entry in left if entry) <= 1


async def test_a_client_that_registered_itself_can_be_disabled(server: Server, identity: admin.Identity) -> None:
    client_id = await registered(server, "Quill")
    person = Person(server=server)
    told = await person.tokens(client_id=client_id, redirect_uri=BACK)
    await admin.disable_client(server.world.state, identity, client_id)
    assert (await refresh(server, told["refresh_token"], client_id=client_id)).status_code == 401
    answer = await person.get("/authorize", **asked(client_id=client_id, redirect_uri=BACK))
    assert answer.status_code == 400
    assert (await admin.list_clients(server.world.state, identity))[-1].disabled
    assert await registered(server, "Quill") != client_id
    await admin.disable_client(server.world.state, identity, client_id, disabled=False)
    assert (await refresh(server, told["refresh_token"], client_id=client_id)).status_code == 200


async def test_a_client_that_registered_itself_has_no_secret_to_rotate(
    server: Server, identity: admin.Identity
) -> None:
    client_id = await registered(server, "Quill")
    with pytest.raises(admin.AdminError, match="has no secret"):
        await admin.rotate_secret(server.world.state, server.world.secrets, identity, client_id)
    with pytest.raises(admin.AdminError, match="no client"):
        await admin.disable_client(server.world.state, identity, "dyn-" + "0" * 32)


@pytest.mark.requirement("AS-41")
async def test_an_invitation_for_peoples_clients_is_made_here_and_names_no_resource(
    server: Server, identity: admin.Identity
) -> None:
    invited = await admin.invite(server.world.state, identity, resources={}, people=True)
    headers = {"authorization": f"Bearer {invited.token}"}
    machine = await server.http.post("/register", json={"grant_types": ["client_credentials"]}, headers=headers)
    assert machine.status_code == 400
    answer = await server.http.post("/register", json={"redirect_uris": [BACK]}, headers=headers)
    assert answer.status_code == 201
    resources = {"http://localhost:8000/mcp": ["mcp:read"]}
    with pytest.raises(admin.AdminError, match="names no resource"):
        await admin.invite(server.world.state, identity, resources=resources, people=True)
