"""`python -m auth_server` as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from auth_server.settings import Settings
from tests.auth_server.world import NOTES, RESEARCHER, SECRETS, World

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 60


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _environment(world: World, port: int) -> dict[str, str]:
    path = world.folder / "secrets.json"
    path.write_text(json.dumps(SECRETS), encoding="utf-8")
    path.chmod(0o600)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DACA_", "DAPR_"))}
    ours = {"DATA": str(world.folder), "IDENTITY": str(world.identity), "PORT": str(port)}
    return {**kept, **{f"DACA_{name}": value for name, value in ours.items()}}


@contextmanager
def _running(world: World, port: int) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "auth_server"]
    environment = _environment(world, port)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait(port, process)
            yield process
        finally:
            process.kill()


def _wait(port: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200:
                return
        except httpx2.HTTPError:
            time.sleep(0.05)
    pytest.fail("the server did not start")


def _token(port: int) -> str:
    client_id, _, secret = RESEARCHER.partition(":")
    form = {"grant_type": "client_credentials", "resource": NOTES}
    url = f"http://127.0.0.1:{port}/token"
    return httpx2.post(url, data=form, auth=(client_id, secret), trust_env=False).json()["access_token"]


def _kid(token: str) -> str:
    return token.partition(".")[0]


@pytest.mark.requirement("ALL-01")
def test_a_killed_server_comes_back_with_its_keys_and_its_log_holds_no_credential(world: World) -> None:
    port = _free_port()
    with _running(world, port) as process:
        before = _token(port)
        process.send_signal(signal.SIGKILL)
    with _running(world, port) as process:
        after = _token(port)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=STARTS_WITHIN)
    assert _kid(before) == _kid(after)
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["client"] for line in lines if line["event"] == "token"] == ["researcher"]
    for secret in (before, after, after.rpartition(".")[2], RESEARCHER.partition(":")[2]):
        assert secret not in log


def test_a_bad_start_is_one_clear_line(world: World) -> None:
    world.identity.write_text("version: 2\n", encoding="utf-8")
    command = [sys.executable, "-m", "auth_server"]
    environment = _environment(world, _free_port())
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=STARTS_WITHIN, check=False
    )
    assert ended.returncode == 1
    assert [json.loads(line)["event"] for line in ended.stderr.splitlines()] == ["cannot start"]
    assert "identity.yaml:1: version: Input should be 1" in json.loads(ended.stderr)["why"]


@pytest.mark.requirement("AS-42")
def test_settings_come_from_the_environment_and_an_unsafe_issuer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DACA_ISSUER", "https://as.example/tenant")
    monkeypatch.setenv("DACA_ROUTES", '{"http://localhost:8000": "notes"}')
    found = Settings()
    assert (found.issuer, found.port, found.host) == ("https://as.example/tenant", 9000, "127.0.0.1")
    assert found.routes == {"http://localhost:8000": "notes"}
    monkeypatch.setenv("DACA_ISSUER", "http://as.example")
    with pytest.raises(ValueError, match="https"):
        Settings()
    monkeypatch.setenv("DACA_ALLOW_HTTP", "true")
    assert Settings().issuer == "http://as.example"
