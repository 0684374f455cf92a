"""`python -m auth_server` as a process of its own."""

import json
import signal
import subprocess
import sys

import httpx2
import pytest

from auth_server.settings import Settings
from tests.auth_server.process import ROOT, STARTS_WITHIN, environment, running
from tests.auth_server.world import NOTES, RESEARCHER, World
from tests.ports import free_port


def _token(port: int) -> str:
    client_id, _, secret = RESEARCHER.partition(":")
    form = {"grant_type": "client_credentials", "resource": NOTES}
    url = f"http://127.0.0.1:{port}/token"
    return httpx2.post(url, data=form, auth=(client_id, secret), trust_env=False).json()["access_token"]


def _kid(token: str) -> str:
    return token.partition(".")[0]


@pytest.mark.requirement("ALL-01")
def test_a_killed_server_comes_back_with_its_keys_and_its_log_holds_no_credential(world: World) -> None:
    port = free_port()
    with running(world, port) as process:
        before = _token(port)
        process.send_signal(signal.SIGKILL)
    with running(world, port) as process:
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
    surroundings = environment(world, free_port())
    ended = subprocess.run(
        command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=STARTS_WITHIN, check=False
    )
    assert ended.returncode == 1
    assert [json.loads(line)["event"] for line in ended.stderr.splitlines()] == ["cannot start"]
    assert "identity.yaml:1: version: Input should be 1" in json.loads(ended.stderr)["why"]


@pytest.mark.requirement("AS-42")
def test_settings_come_from_theenvironment_and_an_unsafe_issuer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
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
