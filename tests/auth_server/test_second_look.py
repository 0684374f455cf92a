"""A secret that was rotated a moment ago, wrong ones in any number, and what both cost the stores."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from auth_server import admin
from auth_server.second_look import AGAIN, MOST
from tests.auth_server.world import NOTES, RESEARCHER, Server, error

NEW = "brand-new-secret-of-the-client"
WRONG = "researcher:wrong"


@pytest.fixture
def slow(server: Server) -> asyncio.Event:
    """A secret store that answers what it held when it was asked, once the event is set."""
    secrets, goes = server.world.secrets, asyncio.Event()
    read = secrets.get

    async def get(name: str) -> Mapping[str, str]:
        found = await read(name)
        await goes.wait()
        return found

    secrets.get = get
    secrets.reads.clear()
    return goes


def _rotate(server: Server, new: str = NEW) -> None:
    server.world.secrets.found["client-researcher"] = {"secret": new}


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  what is waited for is inside the server
            await asyncio.sleep(0)


async def _reads(server: Server, number: int) -> None:
    await _until(lambda: len(server.world.secrets.reads) >= number)


async def test_a_secret_rotated_a_moment_after_the_start_or_after_a_wrong_guess_counts(server: Server) -> None:
    for new in (f"one-{NEW}", f"two-{NEW}"):
        _rotate(server, new)
        assert (await server.token(basic=f"researcher:{new}")).status_code == 200
        assert error(await server.token(basic=WRONG)) == (401, "invalid_client")


async def test_the_first_wrong_secret_is_refused_at_once_and_the_next_in_two_seconds(server: Server) -> None:
    waited: list[float] = []
    for _ in range(3):
        began = server.world.clock.now
        await server.token(basic=WRONG)
        waited.append(server.world.clock.now - began)
    assert waited == [0, AGAIN, AGAIN]


@pytest.mark.requirement("AS-41")
async def test_whoever_guesses_holds_up_no_rotated_client_and_makes_no_store_work(
    server: Server, slow: asyncio.Event
) -> None:
    server.world.state.asked, began = 0, server.world.clock.now
    guesses = [asyncio.create_task(server.token(basic=WRONG)) for _ in range(100)]
    await _reads(server, 1)
    _rotate(server)
    rotated = asyncio.create_task(server.token(basic=f"researcher:{NEW}"))
    await _reads(server, 2)
    slow.set()
    assert (await rotated).status_code == 200, "the look that was under way when it came saw the old secret"
    assert {answer.status_code for answer in await asyncio.gather(*guesses)} == {401, 429}
    assert (len(server.world.secrets.reads), server.world.state.asked) == (2, 2)
    assert server.world.clock.now - began == AGAIN


async def test_a_client_made_at_run_time_is_looked_at_no_oftener(server: Server) -> None:
    identity, state, secrets = server.parts.directory.identity, server.world.state, server.world.secrets
    made = await admin.add_client(state, identity, client_id="made", resources={NOTES: ["mcp:read"]})
    assert (await server.token(basic=f"made:{made.client_secret}")).status_code == 200
    state.asked = 0
    guesses = await asyncio.gather(*(server.token(basic="made:wrong") for _ in range(8)))
    assert {answer.status_code for answer in guesses} == {401}
    assert state.asked <= 2
    new = await admin.rotate_secret(state, secrets, identity, "made")
    assert (await server.token(basic=f"made:{new.client_secret}")).status_code == 200


@pytest.mark.requirement("AS-41")
async def test_only_so_many_wait_and_nobody_waits_who_has_the_right_secret(server: Server, slow: asyncio.Event) -> None:
    look = server.parts.authentication._second_look  # pyright: ignore[reportPrivateUsage]
    guesses = [asyncio.create_task(server.token(basic=WRONG)) for _ in range(MOST)]
    await _until(lambda: look._waiting.total() >= MOST)  # pyright: ignore[reportPrivateUsage]
    async with asyncio.timeout(30):
        one_more = await server.token(basic=WRONG)
    assert (one_more.status_code, one_more.headers["retry-after"]) == (429, "10")
    assert (await server.token(basic=RESEARCHER)).status_code == 200
    assert not any(guess.done() for guess in guesses)
    slow.set()
    await asyncio.gather(*guesses)
    assert not look._waiting  # pyright: ignore[reportPrivateUsage]


async def test_whoever_goes_away_takes_nobody_elses_answer_along(server: Server, slow: asyncio.Event) -> None:
    _rotate(server)
    first, second = (asyncio.create_task(server.token(basic=f"researcher:{NEW}")) for _ in range(2))
    await _reads(server, 1)
    first.cancel()
    slow.set()
    assert (await second).status_code == 200


async def test_a_store_that_is_away_is_told_to_all_who_wait_and_asked_anew_by_the_next(server: Server) -> None:
    server.world.state.away = True
    answers = await asyncio.gather(*(server.token(basic=WRONG) for _ in range(5)))
    assert {error(answer) for answer in answers} == {(503, "temporarily_unavailable")}
    server.world.state.away = False
    _rotate(server)
    assert (await server.token(basic=f"researcher:{NEW}")).status_code == 200


async def test_who_was_looked_at_is_forgotten_as_soon_as_they_may_be_looked_at_again(server: Server) -> None:
    look = server.parts.authentication._second_look  # pyright: ignore[reportPrivateUsage]
    for basic in (WRONG, "operator:wrong"):
        await server.token(basic=basic)
        server.world.clock.now += AGAIN
    assert list(look._began) == ["operator"]  # pyright: ignore[reportPrivateUsage]
