"""What clients ask people for, raced over every store and two replicas."""

import asyncio
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from auth_server.asked import Asked, Limits
from auth_server.store.asked import AskedRecords

if TYPE_CHECKING:
    from tests.sidecar.conftest import Store

LIMITS = Limits(person=5, pair=3, client=100)
RACERS = 20


def asked(store: "Store", person: str, client: str) -> Asked:
    now = int(store.clock.now)
    return Asked(
        id=secrets.token_hex(16),
        secret_hash="x",
        client_id=client,
        subject=person,
        name="grace",
        resource="https://notes.example/mcp",
        scopes=("mcp:read",),
        created=now,
        expires=now + 300,
        interval=5,
    )


async def test_places_are_counted_exactly_and_one_decision_and_one_attempt_wins(store: "Store") -> None:
    replicas = [AskedRecords(state, store.clock) for state in store.replicas]
    person, client = secrets.token_hex(8), secrets.token_hex(8)
    made = [asked(store, person, client) for _ in range(RACERS)]
    added = await asyncio.gather(*(replicas[at % 2].add(one, LIMITS) for at, one in enumerate(made)))
    assert sum(added) == 3
    others = [asked(store, person, secrets.token_hex(8)) for _ in range(RACERS)]
    more = await asyncio.gather(*(replicas[at % 2].add(one, LIMITS) for at, one in enumerate(others)))
    assert sum(more) == 2
    waiting = await replicas[0].waiting(person)
    assert len(waiting) == 5

    one, won = waiting[0], list[str]()

    async def decide(at: int) -> None:
        def close(latest: Asked) -> Asked:
            return replace(latest, state="approved", permission=str(at)) if latest.state == "open" else latest

        written = await replicas[at % 2].change(one.id, close)
        assert written is not None
        won.append(written.permission)

    await asyncio.gather(*(decide(at) for at in range(RACERS)))
    assert len(set(won)) == 1
    await replicas[0].settle(one)
    assert await replicas[1].add(asked(store, person, secrets.token_hex(8)), LIMITS)
    assert len(await replicas[1].waiting(person)) == 5


async def test_a_client_s_requests_of_all_people_are_counted_and_one_too_many_leaves_nothing(store: "Store") -> None:
    replicas = [AskedRecords(state, store.clock) for state in store.replicas]
    client, few = secrets.token_hex(8), Limits(person=1, pair=1, client=4)
    people = [secrets.token_hex(8) for _ in range(RACERS)]
    made = [asked(store, person, client) for person in people]
    added = await asyncio.gather(*(replicas[at % 2].add(one, few) for at, one in enumerate(made)))
    assert sum(added) == 4
    waiting = [bool(await replicas[0].waiting(person)) for person in people]
    assert waiting == added
    refused = people[added.index(False)]
    assert await replicas[0].add(asked(store, refused, secrets.token_hex(8)), few)
    await replicas[0].settle(made[added.index(True)])
    assert await replicas[1].add(asked(store, secrets.token_hex(8), client), few)
