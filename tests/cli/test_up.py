"""`daca up` as programs drive it: what it says, what it refuses, and how it ends."""

import signal
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli import supervisor
from daca_agents import a2a_server
from sidecar import process
from tests.cli.conftest import AGENTS

MODES = [
    pytest.param("embedded"),
    pytest.param("sidecars", marks=pytest.mark.needs("daprd")),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_in_one_line_where_everything_is_and_ends_when_told(
    world: Any, mode: str, number: signal.Signals
) -> None:
    with world.up(f"--{mode}") as up:
        assert up.ready == {
            "issuer": world.urls["auth-server"],
            "resources": {"notes": world.urls["notes"], "clock": world.urls["clock"]},
            "agents": {name: world.urls[name] for name in AGENTS},
            "data": str(world.data),
            "mode": mode,
        }
        pids = up.pids()
        assert len(pids) == len(world.urls) * (2 if mode == "sidecars" else 1)
        assert up.stop(number) == 0
        assert up.process.stdout.read() == "", "one line is all there is on stdout"
    assert not world.living(pids)
    assert not (world.data / "run.json").exists()


def test_all_that_it_waits_for_at_the_end_is_less_than_ten_seconds_and_more_than_what_is_under_way_gets() -> None:
    assert sum(supervisor.GRACE.values()) < 10
    assert supervisor.GRACE["app"] > process.GRACE_SECONDS + a2a_server.DRAIN_SECONDS


@pytest.mark.parametrize("mode", MODES)
def test_nothing_outlives_a_supervisor_that_is_killed(world: Any, mode: str) -> None:
    with world.up("auth-server", "notes", f"--{mode}") as up:
        pids = up.pids()
        up.process.kill()
        up.process.wait()
        assert not world.living(pids, seconds=30)
    listed = world.json("client", "list", f"--{mode}")
    assert {one["client_id"] for one in listed} >= {"researcher", "operator"}
    with world.up("auth-server", f"--{mode}"):
        pass


def test_a_port_in_use_is_named_with_its_app_before_anything_starts(world: Any) -> None:
    port = int(world.urls["clock"].split(":")[2].split("/")[0])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        said = world.refused("up", "--embedded")
    assert f"port {port}" in said
    assert "clock" in said
    assert not world.data.exists(), "nothing was started, and nothing made"


def test_a_second_system_in_the_same_folder_is_refused(world: Any) -> None:
    with world.up("clock", "--embedded") as up:
        said = world.refused("up", "notes", "--embedded")
        assert "already running" in said
        assert str(up.process.pid) in said


def test_one_app_alone_trusts_the_issuer_it_is_told(world: Any) -> None:
    world.environ["DACA_ISSUER"] = "http://localhost:9"
    with world.up("notes", "--embedded") as up:
        assert up.ready["resources"] == {"notes": world.urls["notes"]}
        assert up.ready["agents"] == {}
        assert set(up.pids()) == {"notes"}
        path = "/.well-known/oauth-protected-resource/mcp"
        metadata = httpx2.get(world.urls["notes"].removesuffix("/mcp") + path).json()
        assert metadata["authorization_servers"] == ["http://localhost:9"]


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("bogus",), 2, "no app bogus"),
        (("--embedded", "--sidecars"), 2, "exclude each other"),
        (("--nonsense",), 2, "No such option"),
        (("--identity", "/nowhere/identity.yaml"), 1, "/nowhere/identity.yaml"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(world: Any, arguments: tuple[str, ...], code: int, why: str) -> None:
    assert why in world.refused("up", *arguments, code=code)


def test_an_identity_file_that_is_wrong_is_refused_with_its_line(world: Any) -> None:
    file = Path(world.environ["DACA_IDENTITY"])
    file.write_text(file.read_text().replace("mcp:read: Ask the time", "'bad scope': Ask the time"))
    said = world.refused("up", "--embedded")
    assert "identity.yaml" in said
    assert not world.data.exists(), "nothing was started, and nothing made"


def test_sidecars_asked_for_in_vain_are_a_clear_error(world: Any, tmp_path: Path) -> None:
    if (Path(__file__).resolve().parents[2] / "bin" / "daprd").exists():
        pytest.skip("this checkout has a daprd of its own, which is always found")
    said = world.refused("up", "--sidecars", PATH="/nowhere", HOME=str(tmp_path))
    assert "daprd" in said
    assert "--embedded" in said


def test_files_are_for_their_owner_only(world: Any) -> None:
    with world.up("auth-server", "--embedded"):
        modes = {path.name: path.stat().st_mode & 0o777 for path in world.data.iterdir()}
    assert modes["secrets.json"] == 0o600
    assert modes["run.json"] == 0o600
    assert world.data.stat().st_mode & 0o777 == 0o700
