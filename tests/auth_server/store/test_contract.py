"""What the store promises, raced by two replicas over one SQLite file."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from auth_server.models import Client, Invitation, Ring
from auth_server.store.clients import ClientRecords
from auth_server.store.records import InvitationRecords, RingRecords, SpentRecords
from sidecar.embedded import SqliteState
from sidecar.state import StateUnavailable
from tests.auth_server.world import Clock


class Stores:
    """One replica's view of the store."""

    def __init__(self, state: SqliteState) -> None:
        self.clients = ClientRecords(state)
        self.rings = RingRecords(state)
        self.spent = SpentRecords(state)
        self.invitations = InvitationRecords(state)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def replicas(tmp_path: Path, clock: Clock) -> AsyncGenerator[tuple[Stores, Stores]]:
    path = tmp_path / "state.db"
    async with SqliteState(path, "as", clock=clock) as one, SqliteState(path, "as", clock=clock) as other:
        yield Stores(one), Stores(other)


def _client(client_id: str) -> Client:
    return Client(client_id=client_id, resources={"https://notes.example/mcp": ("a", "b")}, secret_hashes=("x",))


async def test_a_client_is_added_once_and_every_one_is_listed(replicas: tuple[Stores, Stores]) -> None:
    names = [f"client-{number}" for number in range(6)]
    added = await asyncio.gather(*(where.clients.add(_client(name)) for where in replicas for name in names))
    assert sum(added) == 6
    assert sorted(await replicas[0].clients.ids()) == names
    assert await replicas[1].clients.find("client-3") == _client("client-3")
    assert await replicas[1].clients.find("client-7") is None


async def test_changes_of_one_client_are_never_lost(replicas: tuple[Stores, Stores]) -> None:
    await replicas[0].clients.add(_client("one"))

    def one_more(client: Client) -> Client:
        return replace(client, created=client.created + 1)

    await asyncio.gather(*(where.clients.change("one", one_more) for where in replicas for _ in range(8)))
    found = await replicas[0].clients.find("one")
    assert found is not None
    assert found.created == 16
    assert await replicas[0].clients.change("two", one_more) is None


async def test_changes_of_several_declared_clients_are_never_lost(replicas: tuple[Stores, Stores]) -> None:
    names = [f"client-{number}" for number in range(5)]
    await asyncio.gather(
        *(
            where.clients.change_overlay(name, lambda overlay: replace(overlay, disabled=True))
            for where, name in zip([*replicas] * 3, names, strict=False)
        )
    )
    assert sorted(await replicas[0].clients.overlays()) == names


async def test_the_first_ring_is_inserted_by_one(replicas: tuple[Stores, Stores]) -> None:
    assert await replicas[0].rings.read() is None
    assert await replicas[0].rings.change(lambda ring: ring) is None
    inserted = await asyncio.gather(*(where.rings.insert(Ring(keys=())) for where in [*replicas] * 4))
    assert sum(inserted) == 1
    assert await replicas[1].rings.read() == Ring(keys=())


@pytest.mark.requirement("AS-45")
async def test_a_name_is_first_used_once(replicas: tuple[Stores, Stores], clock: Clock) -> None:
    used = await asyncio.gather(*(where.spent.first_use("jti", 60) for where in [*replicas] * 10))
    assert sum(used) == 1
    assert await replicas[0].spent.first_use("another", 60)
    assert await replicas[0].spent.first_use("long || and odd \ud800" * 100, 60)
    clock.now += 61
    assert await replicas[1].spent.first_use("jti", 60)


async def test_a_revocation_is_remembered_as_long_as_the_token_lives(
    replicas: tuple[Stores, Stores], clock: Clock
) -> None:
    await replicas[0].spent.revoke("jti", 60)
    await replicas[1].spent.revoke("jti", 60)
    assert (await replicas[1].spent.is_revoked("jti"), await replicas[1].spent.is_revoked("other")) == (True, False)
    clock.now += 61
    assert not await replicas[1].spent.is_revoked("jti")


async def test_an_invitation_is_used_as_often_as_it_says(replicas: tuple[Stores, Stores], clock: Clock) -> None:
    invitation = Invitation(resources={"https://notes.example/mcp": ("a",)}, uses=5, expires=int(clock.now) + 60)
    await replicas[0].invitations.add("hash", invitation, 60)
    assert await replicas[1].invitations.find("hash") == invitation
    spent = await asyncio.gather(*(where.invitations.spend("hash", clock.now) for where in [*replicas] * 10))
    assert sum(spent) == 5
    assert await replicas[0].invitations.find("hash") is None
    assert not await replicas[0].invitations.spend("unknown", clock.now)


async def test_what_is_left_of_an_invitation_still_expires(replicas: tuple[Stores, Stores], clock: Clock) -> None:
    invitation = Invitation(resources={}, uses=5, expires=int(clock.now) + 60)
    await replicas[0].invitations.add("hash", invitation, 60)
    assert await replicas[0].invitations.spend("hash", clock.now)
    assert not await replicas[0].invitations.spend("hash", clock.now + 60)
    clock.now += 61
    assert await replicas[0].invitations.find("hash") is None


async def test_a_record_that_others_keep_winning_is_an_outage_and_no_endless_loop(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth_server.store.changing._LONGEST_PAUSE", 0.0)
    async with SqliteState(tmp_path / "state.db", "as", clock=clock) as state:
        stores = Stores(state)
        await stores.clients.add(_client("one"))
        await stores.invitations.add("hash", Invitation(resources={}, uses=5, expires=int(clock.now) + 60), 60)
        monkeypatch.setattr(state, "replace", AsyncMock(return_value=False))
        with pytest.raises(StateUnavailable):
            await stores.clients.change("one", lambda client: client)
        with pytest.raises(StateUnavailable):
            await stores.invitations.spend("hash", clock.now)
