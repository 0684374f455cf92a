import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from auth_server.errors import TooManyRegistrations
from auth_server.hashing import digest
from auth_server.models import Invitation
from auth_server.registrations import PER_NETWORK, UNUSED_LEASE, USED_LEASE, Applications, Limits
from auth_server.rules.rfc7591_application import check_application
from auth_server.store.registrations import RegistrationRecords
from tests.auth_server.person import Person, asked, refresh
from tests.auth_server.world import CLIENT_KEY, Server, World, error

BACK = "http://127.0.0.1:5000/callback"
WEB = "https://app.example/cb"


async def register(server: Server, *, token: str | None = None, **metadata: Any) -> httpx2.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return await server.http.post("/register", json={"redirect_uris": [BACK], **metadata}, headers=headers)


async def manage(server: Server, method: str, told: dict[str, Any], **changed: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {told['registration_access_token']}"}
    body = changed if method == "PUT" else None
    return await server.http.request(method, told["registration_client_uri"], headers=headers, json=body)


def rows(server: Server) -> int:
    stored = b"".join(path.read_bytes() for path in server.world.folder.glob("state.db*"))
    return stored.count(b"registration-dyn-")


@pytest.mark.requirement("AS-12", "AS-13", "AS-14")
async def test_whoever_comes_may_register_a_client_for_people(server: Server) -> None:
    answer = await register(server, client_name="Quill", grant_types=["authorization_code", "refresh_token"])
    told = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    client_id, token = told.pop("client_id"), told.pop("registration_access_token")
    assert len(token) == 43
    assert told == {
        "client_id_issued_at": int(server.world.clock.now),
        "client_name": "Quill",
        "redirect_uris": [BACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
        "registration_client_uri": f"http://localhost:9000/register/{client_id}",
    }
    tokens = await Person(server=server).tokens(client_id=client_id, redirect_uri="http://127.0.0.1:7/callback")
    assert (await server.verified(tokens["access_token"])).claims["client_id"] == client_id


@pytest.mark.requirement("AS-13")
@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"redirect_uris": ["http://evil.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
        (
            {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "eA"}]}},
            "invalid_client_metadata",
        ),
    ],
)
async def test_metadata_that_is_no_good_is_refused(server: Server, metadata: dict[str, Any], code: str) -> None:
    assert error(await register(server, **metadata)) == (400, code)
    assert rows(server) == 0


async def test_a_client_may_bring_its_key(server: Server) -> None:
    jwks = {"keys": [CLIENT_KEY.as_dict(private=False)]}
    told = (await register(server, token_endpoint_auth_method="private_key_jwt", jwks=jwks)).json()
    assert told["jwks"] == jwks
    answer = await server.post("/token", {"client_id": told["client_id"], "grant_type": "authorization_code"})
    assert error(answer) == (401, "invalid_client")


@pytest.mark.requirement("AS-41")
async def test_only_hashes_of_registration_tokens_are_kept(server: Server) -> None:
    told = (await register(server)).json()
    stored = b"".join(path.read_bytes() for path in server.world.folder.glob("state.db*"))
    assert told["client_id"].encode() in stored
    assert told["registration_access_token"].encode() not in stored
    assert digest(told["registration_access_token"]).encode() in stored


async def test_identical_software_has_one_row_and_each_installation_its_own_token(server: Server) -> None:
    one = (await register(server, redirect_uris=["http://127.0.0.1:1/cb"])).json()
    two = (await register(server, redirect_uris=["http://127.0.0.1:2/cb"])).json()
    other = (await register(server, redirect_uris=["http://127.0.0.1:2/cb"], client_name="Other")).json()
    assert one["client_id"] == two["client_id"] != other["client_id"]
    assert one["registration_access_token"] != two["registration_access_token"]
    assert two["redirect_uris"] == ["http://127.0.0.1:2/cb"]
    assert (await manage(server, "GET", one)).status_code == 200
    assert (await manage(server, "GET", two)).status_code == 200


@pytest.mark.requirement("AS-41")
async def test_nobody_changes_or_removes_what_others_registered_too(server: Server, replica: Server) -> None:
    thief = (await register(server, redirect_uris=[WEB])).json()
    victim = (await register(replica, redirect_uris=[WEB])).json()
    changed = {"client_id": thief["client_id"], "redirect_uris": ["https://evil.example/cb"]}
    assert error(await manage(server, "PUT", thief, **changed)) == (403, "access_denied")
    assert (await manage(server, "DELETE", thief)).status_code == 204
    assert error(await manage(server, "GET", thief)) == (401, "invalid_token")
    assert (await manage(server, "GET", victim)).json()["redirect_uris"] == [WEB]


@pytest.mark.requirement("AS-41")
async def test_what_its_owner_changed_is_shared_with_nobody_afterwards(server: Server) -> None:
    thief = (await register(server, redirect_uris=[WEB])).json()
    changed = {"client_id": thief["client_id"], "redirect_uris": ["https://evil.example/cb"]}
    answer = await manage(server, "PUT", thief, **changed)
    assert answer.status_code == 200
    assert answer.json()["redirect_uris"] == ["https://evil.example/cb"]
    for uri in (WEB, "https://evil.example/cb"):
        assert (await register(server, redirect_uris=[uri])).json()["client_id"] != thief["client_id"]


async def test_a_registration_is_read_changed_and_deleted_with_its_token(server: Server) -> None:
    told = (await register(server, client_name="Quill")).json()
    assert (await manage(server, "GET", told)).json() == told
    answer = await manage(server, "PUT", told, client_id=told["client_id"], redirect_uris=[WEB])
    assert answer.status_code == 200
    assert "client_name" not in answer.json()
    assert (await manage(server, "DELETE", told)).status_code == 204
    for method in ("GET", "DELETE"):
        assert error(await manage(server, method, told)) == (401, "invalid_token")
    page = await Person(server=server).once("GET", f"/authorize?client_id={told['client_id']}")
    assert page.status_code == 400


async def test_a_registration_is_nobody_elses_to_read(server: Server) -> None:
    told, other = (await register(server)).json(), (await register(server, client_name="Other")).json()
    for changed in (
        {"registration_access_token": other["registration_access_token"]},
        {"registration_access_token": "guess"},
        {"registration_client_uri": other["registration_client_uri"]},
        {"registration_client_uri": "http://localhost:9000/register/dyn-" + "0" * 32},
        {"registration_client_uri": "http://localhost:9000/register/researcher"},
        {"registration_client_uri": "http://localhost:9000/register/"},
    ):
        for method in ("GET", "DELETE"):
            assert error(await manage(server, method, {**told, **changed})) == (401, "invalid_token")
    missing = await server.http.get(told["registration_client_uri"])
    assert error(missing) == (401, "invalid_token")
    assert missing.headers["www-authenticate"] == 'Bearer realm="register"'


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": None},
        {"client_id": "other"},
        {"client_secret": "x"},
        {"registration_access_token": "x"},
        {"registration_client_uri": "x"},
        {"client_id_issued_at": 1},
        {"client_secret_expires_at": 0},
        {"redirect_uris": None},
        {"redirect_uris": ["http://evil.example"]},
    ],
)
async def test_a_change_says_everything_and_nothing_that_is_ours(server: Server, changed: dict[str, Any]) -> None:
    told = (await register(server)).json()
    body = {"client_id": told["client_id"], "redirect_uris": [WEB], **changed}
    sent = {name: value for name, value in body.items() if value is not None}
    assert (await manage(server, "PUT", told, **sent)).status_code == 400
    assert (await manage(server, "GET", told)).json()["redirect_uris"] == [BACK]


async def test_an_unused_registration_expires(server: Server) -> None:
    told = (await register(server)).json()
    server.world.clock.now += UNUSED_LEASE + 1
    assert error(await manage(server, "GET", told)) == (401, "invalid_token")
    page = await Person(server=server).once("GET", f"/authorize?client_id={told['client_id']}")
    assert page.status_code == 400
    assert (await register(server)).json()["client_id"] != told["client_id"]


async def test_a_registration_that_a_person_let_in_lasts_and_is_found_again_by_its_software(server: Server) -> None:
    told = (await register(server, grant_types=["authorization_code", "refresh_token"])).json()
    client_id = told["client_id"]
    tokens = await Person(server=server).tokens(client_id=client_id, redirect_uri=BACK)
    server.world.clock.now += 10 * UNUSED_LEASE
    again = await register(server, grant_types=["authorization_code", "refresh_token"])
    assert again.json()["client_id"] == client_id
    answer = await refresh(server, tokens["refresh_token"], client_id=client_id)
    assert answer.status_code == 200, answer.text
    server.world.clock.now += USED_LEASE - UNUSED_LEASE
    assert await server.parts.directory.find(client_id) is not None
    server.world.clock.now += 2 * UNUSED_LEASE
    assert await server.parts.directory.find(client_id) is None


async def test_asking_for_sign_in_renews_nothing(server: Server) -> None:
    client_id = (await register(server)).json()["client_id"]
    person = Person(server=server)
    server.world.clock.now += UNUSED_LEASE - 10
    assert (await person.get("/authorize", **asked(client_id=client_id, redirect_uri=BACK))).status_code == 200
    server.world.clock.now += 20
    assert await server.parts.directory.find(client_id) is None


@pytest.mark.requirement("AS-41")
async def test_one_network_registers_so_often_and_a_forwarded_address_changes_nothing(server: Server) -> None:
    for number in range(PER_NETWORK):
        assert (await register(server, client_name=str(number))).status_code == 201
    headers = {"x-forwarded-for": "203.0.113.5"}
    answer = await server.http.post("/register", json={"redirect_uris": [WEB]}, headers=headers)
    assert error(answer) == (429, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "60"
    server.world.clock.now += 61
    assert (await register(server)).status_code == 201


@pytest.mark.requirement("AS-41")
async def test_ten_thousand_registrations_leave_a_bounded_table(world: World) -> None:
    """Each from a network of its own, each with software of its own, on two replicas, within three hours."""
    records = RegistrationRecords(world.state, world.clock)
    replicas = [Applications(records, world.clock, Limits(new_per_hour=50)) for _ in range(2)]
    known = check_application({"redirect_uris": [BACK], "client_name": "Known"})
    await replicas[0].register(known, "first")
    made = 1
    for number in range(10_000):
        application = check_application({"redirect_uris": [BACK], "client_name": str(number)})
        made += await _registers(replicas[number % 2], application, f"network {number}")
        world.clock.now += 1.08
    assert 150 <= made <= 4 * 50
    assert await _registers(replicas[1], known, "last"), "known software needs no new row"


async def _registers(applications: Applications, application: Any, network: str) -> bool:
    try:
        await applications.register(application, network)
    except TooManyRegistrations:
        return False
    return True


async def test_identical_registrations_that_race_leave_few_rows_and_every_one_works(server: Server) -> None:
    answers = await asyncio.gather(*(register(server, redirect_uris=[WEB]) for _ in range(10)))
    for answer in answers:
        assert answer.status_code == 201
        assert await server.parts.directory.find(answer.json()["client_id"]) is not None


@pytest.fixture
async def closed(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Server]:
    monkeypatch.setenv("DACA_REGISTRATION", "invited")
    await world.seed()
    async with world.server() as server:
        yield server


@pytest.mark.requirement("AS-41")
async def test_an_initial_access_token_can_be_required(closed: Server) -> None:
    assert error(await register(closed)) == (401, "invalid_token")
    invitation = Invitation(resources={}, uses=1, expires=int(closed.world.clock.now) + 60, people=True)
    await closed.parts.invitations.add(digest("inviting"), invitation, 60)
    assert error(await register(closed, token="inviting", redirect_uris=[])) == (400, "invalid_redirect_uri")
    assert (await register(closed, token="inviting")).status_code == 201
    assert error(await register(closed, token="inviting")) == (401, "invalid_token")


async def test_an_invitation_for_people_makes_no_machine(closed: Server) -> None:
    invitation = Invitation(resources={}, uses=1, expires=int(closed.world.clock.now) + 60, people=True)
    await closed.parts.invitations.add(digest("inviting"), invitation, 60)
    answer = await closed.http.post(
        "/register", json={"grant_types": ["client_credentials"]}, headers={"authorization": "Bearer inviting"}
    )
    assert answer.status_code == 400
