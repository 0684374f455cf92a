import pytest

from auth_server import admin, directory
from tests.auth_server.world import NOTES, Server


async def _make(server: Server, *client_ids: str) -> None:
    identity = admin.load_identity(server.world.identity)
    for client_id in client_ids:
        await admin.add_client(server.world.state, identity, client_id=client_id, resources={NOTES: ["mcp:read"]})


async def test_a_made_client_is_remembered_for_seconds_and_then_asked_for_again(server: Server) -> None:
    await _make(server, "made")
    found = server.parts.directory
    server.world.state.asked = 0
    for seconds, asked in ((0, 1), (4, 1), (1, 2), (-60, 3)):
        server.world.clock.now += seconds
        assert await found.find("made")
        assert server.world.state.asked == asked


async def test_what_is_remembered_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "_MOST", 2)
    names = ["one", "two", "three"]
    await _make(server, *names)
    for name in [*names, "nobody"]:
        await server.parts.directory.find(name)
    assert list(server.parts.directory._seen) == ["two", "three"]  # pyright: ignore[reportPrivateUsage]


async def test_a_declared_client_hides_one_that_was_made(server: Server) -> None:
    await _make(server, "made")
    text = server.world.identity.read_text(encoding="utf-8")
    server.world.write_identity(text.replace("client_id: researcher", "client_id: made"))
    await server.parts.refresh()
    found = await server.parts.directory.find("made")
    assert found is not None
    assert found.secret_name == "client-researcher"
