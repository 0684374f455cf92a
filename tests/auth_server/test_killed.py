"""A replica that is killed at the worst moment: the store has the new refresh token, the client has no answer."""

import signal
import time

import httpx2
import pytest

from auth_server.people import Family
from auth_server.rules.oauth21_refresh_token import permission_of
from tests.auth_server.person import Person, refresh
from tests.auth_server.process import running
from tests.auth_server.world import Server, World
from tests.ports import free_port


async def family_of(server: Server, token: str) -> Family:
    found = await server.parts.permissions.find(permission_of(token) or "")
    assert found is not None
    assert found.family is not None
    return found.family


@pytest.mark.requirement("AS-28")
async def test_a_client_of_a_killed_replica_goes_on_at_another_and_a_thief_does_not(world: World) -> None:
    world.clock.now = time.time()
    await world.seed()
    async with world.server() as survivor, httpx2.AsyncClient(trust_env=False) as client:
        token = (await Person(server=survivor).tokens())["refresh_token"]
        before, port = await family_of(survivor, token), free_port()
        with running(world, port, "tests.auth_server.dying") as process:
            (world.folder / "armed").touch()
            form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "desk"}
            with pytest.raises(httpx2.TransportError):
                await client.post(f"http://127.0.0.1:{port}/token", data=form)
            assert process.wait(30) == -signal.SIGKILL
        written = await family_of(survivor, token)
        assert written.current != before.current

        world.clock.now = written.rotated + 9
        retried = await refresh(survivor, token)
        assert retried.status_code == 200, retried.text
        assert await family_of(survivor, token) == written
        onward = (await refresh(survivor, retried.json()["refresh_token"])).json()["refresh_token"]

        world.clock.now += 2
        assert (await refresh(survivor, token)).json()["error"] == "invalid_grant"
        assert (await refresh(survivor, onward)).json()["error"] == "invalid_grant"
