"""The agent as a person starts it: what stops the start is told in one line."""

import os
import subprocess
import sys
from pathlib import Path

from daca_agents.settings import Settings


def started(*words: str, **given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "daca_agents", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | given, timeout=60)


def test_help_names_every_setting() -> None:
    shown = started("--help").stdout
    own = {name if name.isupper() else f"DACA_{name.upper()}" for name in Settings.model_fields}
    public = {"DACA_OPENAI_API_KEY": "OPENAI_API_KEY", "DACA_OPENAI_BASE_URL": "OPENAI_BASE_URL", "DACA_MODEL": "MODEL"}
    assert [name for name in own if public.get(name, name) not in shown] == []


def test_a_wrong_setting_is_named_and_ends_the_process() -> None:
    ended = started("researcher", DACA_RESOURCE="http://researcher.example.com")
    assert (ended.returncode, ended.stderr.split(":")[0]) == (2, "DACA_RESOURCE")


def test_a_profile_that_is_not_there_ends_the_process() -> None:
    ended = started("nobody")
    assert ended.returncode == 2
    assert "nobody.yaml" in ended.stderr


def test_an_agent_without_its_secret_ends_with_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    ended = started("researcher", DACA_DATA=str(tmp_path), DACA_PORT="1024")
    assert ended.returncode == 1
    assert "client-researcher" in ended.stderr
    assert "Traceback" not in ended.stderr
