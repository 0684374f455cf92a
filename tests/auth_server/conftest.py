"""An authorization server in process, and a second replica of it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from sidecar.embedded import SqliteState
from tests.auth_server.world import Clock, Interruptible, Server, World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    clock = Clock()
    async with SqliteState(tmp_path / "state.db", "auth-server", clock=clock) as state:
        world = World(folder=tmp_path, state=Interruptible(state), clock=clock)
        world.write_identity()
        yield world


@pytest.fixture
async def server(world: World) -> AsyncGenerator[Server]:
    await world.seed()
    async with world.server() as server:
        yield server


@pytest.fixture
async def replica(world: World, server: Server) -> AsyncGenerator[Server]:
    async with world.server() as replica:
        yield replica
