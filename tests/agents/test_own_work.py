"""Work of an agent's own: one errand, with its own tokens, and an end that a job can be judged by."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daca_agents.own_work import run_errand
from daca_agents.profile import load_profile
from daca_agents.settings import Settings
from sidecar.secrets import SecretMissing
from tests.agents.conftest import NOTES, PROFILE, World


async def test_an_errand_is_done_with_the_agents_own_tokens_alone(world: World) -> None:
    answer, failed = await run_errand(Settings(), world.sidecar, load_profile(PROFILE), "What time is it in Tokyo?")
    assert "Asia/Tokyo" in answer
    assert failed == []
    assert {form["grant_type"] for form in world.issuer.asked} == {"client_credentials"}


async def test_what_is_away_is_said_and_the_rest_is_done(world: World) -> None:
    del world.wire.apps[NOTES]
    answer, failed = await run_errand(Settings(), world.sidecar, load_profile(PROFILE), "What time is it?")
    assert "get_time says" in answer
    assert failed == [f"server_away: notes: {NOTES}/mcp can not be reached"]


async def test_an_agent_without_its_secret_does_no_errand(world: World) -> None:
    world.secrets.put("client-researcher", {"other": "x"})
    with pytest.raises(SecretMissing):
        await run_errand(Settings(), world.sidecar, load_profile(PROFILE), "What time is it?")


def errand(folder: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "daca_agents", "researcher", "--errand", *words]
    environ = os.environ | {"DACA_DATA": str(folder)} | given
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environ, timeout=120)


def test_the_process_says_why_and_ends_with_status_1_when_the_errand_failed(tmp_path: Path) -> None:
    ended = errand(tmp_path, "What time is it?")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "client-researcher" in ended.stderr
    assert "Traceback" not in ended.stderr
