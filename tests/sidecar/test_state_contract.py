"""What `sidecar.state.State` promises, over every store: SQLite alone, and daprd over sqlite, redis and postgres."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

import pytest

from sidecar.state import Json, State

if TYPE_CHECKING:
    from tests.sidecar.conftest import Store

RACERS: Final = 50
ROUNDS: Final = 4

VALUES: Final[Sequence[Json]] = [
    None,
    True,
    0,
    -1.5,
    1.0,
    1e300,
    2**53 + 1,
    -(2**63),
    "",
    "null",
    '"quoted" \\ <&>',
    "käse ∀ 🙂 \x00 \u2028",
    "\ud800",
    [],
    {},
    [[], [None, [{}]]],
    {"": {"a||b": [1, 2.5, "x"]}, "ü": None},
    "x" * 100_000,
    [{"n": n, "text": "ß" * 50} for n in range(1000)],
]

KEYS: Final = [
    "plain", ".", "..", "a/b", "a//b", "/a", "a/", "a%2Fb", "%", "a b", "a+b", "a?b=c#d", "a;b", "a\\b", "a|b",
    "käse∀🙂", "https://client.example/id?x=1", "\x01", "k" * 400,
]  # fmt: skip


async def race(store: "Store", act: Callable[[State, int], Awaitable[bool]]) -> list[int]:
    """Fifty callers at once, over both replicas in turn; the numbers of those who won."""
    states = itertools.cycle(store.replicas)
    outcomes = await asyncio.gather(*(act(next(states), number) for number in range(RACERS)))
    return [number for number, won in enumerate(outcomes) if won]


async def etag_of(state: State, key: str) -> str:
    entry = await state.get(key)
    assert entry is not None
    return entry.etag


async def value_of(state: State, key: str) -> Json:
    entry = await state.get(key)
    assert entry is not None
    return entry.value


async def test_a_key_never_written_is_none(store: "Store") -> None:
    assert await store.state.get(store.key) is None


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30].encode("ascii", "replace").decode())
async def test_every_json_value_comes_back_as_it_went_with_its_type(store: "Store", value: Json) -> None:
    assert await store.state.insert(store.key, value)
    found = await value_of(store.other, store.key)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:20].encode("ascii", "replace").decode())
async def test_every_key_is_its_own(store: "Store", key: str) -> None:
    name = key if key in {".", ".."} else store.key + key
    await store.state.delete(name)
    assert await store.state.insert(name, key)
    assert await store.state.replace(name, [key], await etag_of(store.other, name))
    assert await value_of(store.other, name) == [key]
    await store.state.delete(name)
    assert await store.other.get(name) is None


@pytest.mark.parametrize("key", ["", "a||b"])
async def test_a_key_that_stores_could_confuse_is_a_mistake_of_the_caller(store: "Store", key: str) -> None:
    with pytest.raises(ValueError, match="state key"):
        await store.state.get(key)
    with pytest.raises(ValueError, match="state key"):
        await store.state.insert(key, 1)


@pytest.mark.parametrize("ttl", [0, -1])
async def test_a_lifetime_below_one_second_is_a_mistake_of_the_caller(store: "Store", ttl: int) -> None:
    with pytest.raises(ValueError, match="ttl"):
        await store.state.put(store.key, 1, ttl=ttl)


async def test_only_the_first_insert_writes(store: "Store") -> None:
    assert await store.state.insert(store.key, "first")
    assert not await store.other.insert(store.key, "second")
    assert await value_of(store.state, store.key) == "first"


async def test_insert_does_not_write_over_what_was_put(store: "Store") -> None:
    await store.state.put(store.key, "put")
    assert not await store.other.insert(store.key, "inserted")
    assert await value_of(store.state, store.key) == "put"


async def test_of_fifty_inserts_at_once_exactly_one_wins_and_its_value_stays(store: "Store") -> None:
    for number in range(ROUNDS):
        key = f"{store.key}-{number}"
        winners = await race(store, lambda state, racer, key=key: state.insert(key, racer, ttl=60))
        assert len(winners) == 1
        assert await value_of(store.other, key) == winners[0]


async def test_of_fifty_replaces_at_once_exactly_one_wins_round_after_round(store: "Store") -> None:
    await store.state.insert(store.key, "start")
    for _ in range(ROUNDS):
        etag = await etag_of(store.state, store.key)
        winners = await race(store, lambda state, racer, etag=etag: state.replace(store.key, racer, etag))
        assert len(winners) == 1
        assert await value_of(store.other, store.key) == winners[0]


async def test_a_replace_needs_the_newest_mark(store: "Store") -> None:
    await store.state.insert(store.key, 1)
    old = await etag_of(store.state, store.key)
    assert await store.other.replace(store.key, 2, old)
    assert not await store.state.replace(store.key, 3, old)
    assert not await store.state.replace(store.key, 3, "1")
    assert not await store.state.replace(store.key, 3, "")
    assert await value_of(store.state, store.key) == 2


async def test_a_replace_makes_nothing_where_nothing_is(store: "Store") -> None:
    assert not await store.state.replace(store.key, 1, "1")
    assert await store.state.get(store.key) is None


async def test_a_mark_does_not_outlive_its_value(store: "Store") -> None:
    await store.state.insert(store.key, "same")
    old = await etag_of(store.state, store.key)
    await store.other.delete(store.key)
    assert not await store.state.replace(store.key, "late", old)
    assert await store.other.insert(store.key, "same")
    assert not await store.state.replace(store.key, "late", old)
    assert await value_of(store.state, store.key) == "same"


async def test_put_writes_over_whatever_is_there(store: "Store") -> None:
    await store.state.put(store.key, 1)
    await store.other.put(store.key, 2)
    assert await value_of(store.state, store.key) == 2
    other = f"{store.key}-inserted"
    await store.state.insert(other, 1)
    await store.state.replace(other, 2, await etag_of(store.state, other))
    await store.other.put(other, 3)
    assert await value_of(store.state, other) == 3


async def test_a_put_spoils_the_mark_read_before_it(store: "Store") -> None:
    await store.state.insert(store.key, 1)
    old = await etag_of(store.state, store.key)
    await store.other.put(store.key, 1)
    assert not await store.state.replace(store.key, 2, old)


async def test_every_put_at_once_succeeds_and_one_of_them_stays(store: "Store") -> None:
    async def put(state: State, racer: int) -> bool:
        await state.put(store.key, racer)
        return True

    await store.state.insert(store.key, "before")
    assert len(await race(store, put)) == RACERS
    assert await value_of(store.state, store.key) in range(RACERS)


async def test_delete_removes_and_a_second_delete_is_no_error(store: "Store") -> None:
    await store.state.insert(store.key, 1)
    await store.state.delete(store.key)
    await store.other.delete(store.key)
    assert await store.other.get(store.key) is None


async def test_a_deleted_value_is_gone_for_a_replica_whose_clock_runs_behind_too(store: "Store") -> None:
    await store.state.insert(store.key, 1, ttl=600)
    etag = await etag_of(store.state, store.key)
    await store.state.delete(store.key)
    store.clock.now -= 30
    assert await store.other.get(store.key) is None
    assert not await store.other.replace(store.key, 2, etag)
    assert await store.other.insert(store.key, 3)


async def test_after_a_delete_exactly_one_of_fifty_inserts_wins(store: "Store") -> None:
    await store.state.insert(store.key, "old")
    await store.other.delete(store.key)
    winners = await race(store, lambda state, racer: state.insert(store.key, racer))
    assert len(winners) == 1
    assert await value_of(store.state, store.key) == winners[0]


async def test_a_value_lives_to_the_end_of_its_time_and_no_longer(store: "Store") -> None:
    await store.state.insert(store.key, 1, ttl=10)
    store.clock.now += 9.9
    assert await value_of(store.other, store.key) == 1
    store.clock.now += 0.1
    assert await store.other.get(store.key) is None


async def test_an_expired_value_cannot_be_replaced(store: "Store") -> None:
    await store.state.insert(store.key, 1, ttl=10)
    etag = await etag_of(store.state, store.key)
    store.clock.now += 10
    assert not await store.other.replace(store.key, 2, etag)
    assert await store.other.get(store.key) is None


@pytest.mark.parametrize("later", [10, 45, 69, 500])
async def test_after_expiry_exactly_one_of_fifty_inserts_wins_however_late(store: "Store", later: int) -> None:
    await store.state.insert(store.key, "old", ttl=10)
    store.clock.now += later
    winners = await race(store, lambda state, racer: state.insert(store.key, racer, ttl=10))
    assert len(winners) == 1
    assert await value_of(store.other, store.key) == winners[0]


async def test_each_write_sets_the_lifetime_anew(store: "Store") -> None:
    await store.state.insert(store.key, 1, ttl=10)
    assert await store.state.replace(store.key, 2, await etag_of(store.state, store.key), ttl=30)
    store.clock.now += 20
    assert await value_of(store.state, store.key) == 2
    await store.other.put(store.key, 3)
    store.clock.now += 10_000
    assert await value_of(store.state, store.key) == 3


async def test_when_the_store_has_dropped_a_value_by_its_own_clock_it_can_be_inserted_again(store: "Store") -> None:
    impatient, began = store.open_impatient(), time.monotonic()
    assert await impatient.insert(store.key, 1, ttl=3)
    # SQLite's clock in daprd counts whole seconds, and a busy machine may take its time between the two.
    assert not await impatient.insert(store.key, 2, ttl=3) or time.monotonic() - began > 2
    async with asyncio.timeout(30):
        while not await impatient.insert(store.key, 3):  # noqa: ASYNC110  the store's own clock has no bell
            await asyncio.sleep(0.1)
    assert await value_of(impatient, store.key) == 3


async def test_a_read_sees_the_write_of_another_replica_at_once(store: "Store") -> None:
    await store.state.insert(store.key, 0)
    for number in range(1, 30):
        writer, reader = store.replicas[number % 2], store.replicas[1 - number % 2]
        assert await writer.replace(store.key, number, await etag_of(reader, store.key))
        assert await value_of(reader, store.key) == number
