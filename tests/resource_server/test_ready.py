"""Whether a replica should be sent requests: asked without a token, answered by the door itself."""

import asyncio
import json
from collections.abc import Callable

import pytest

from tests.battery.wire import Answer, Request
from tests.resource_server.conftest import House

Build = Callable[..., House]


async def _asked(home: House, path: str = "/readyz", method: str = "GET") -> Answer:
    answer = await home.send(Request(target=path, method=method))
    for _ in range(20):
        await asyncio.sleep(0)  # what asking has begun
    return answer


async def test_a_door_without_keys_is_not_ready_says_what_it_waits_for_and_begins_to_fetch(house: Build) -> None:
    home = house()
    home.issuer.away = True
    answer = await _asked(home)
    assert answer.status == 503
    assert json.loads(answer.body) == {"status": "not ready", "waits_for": "the keys of http://localhost:9000"}
    assert home.issuer.fetched != []

    home.issuer.away = False
    home.clock.now += 1
    assert [(await _asked(home)).status for _ in range(2)] == [503, 200]
    assert home.app.reached == []


async def test_a_door_that_had_keys_once_stays_ready(house: Build) -> None:
    home = house()
    assert (await home.knock()).status == 200
    home.issuer.away = True
    home.clock.now += 10_000
    answer = await _asked(home)
    assert (answer.status, answer.header("cache-control")) == (200, "no-store")
    assert json.loads(answer.body) == {"status": "ok"}


async def test_nothing_but_a_look_is_answered(house: Build) -> None:
    home = house()
    await home.knock()
    head, post = await _asked(home, method="HEAD"), await _asked(home, method="POST")
    assert (head.status, head.body) == (200, b"")
    assert (post.status, post.header("allow")) == (405, "GET, HEAD")


async def test_an_app_may_answer_it_itself_or_have_it_elsewhere(house: Build) -> None:
    own = house(public_paths=("/readyz",))
    assert (await _asked(own)).status == 200
    assert [scope["path"] for scope in own.app.reached] == ["/readyz"]

    moved = house(ready_path="/status")
    assert [(await _asked(moved, path)).status for path in ("/status", "/readyz")] == [503, 401]


def test_the_protected_endpoint_is_never_the_place_to_ask(house: Build) -> None:
    with pytest.raises(ValueError, match="ready_path"):
        house(ready_path="/mcp")
