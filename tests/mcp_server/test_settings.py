"""What a tool server refuses to start with, in the process that a person starts."""

import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from mcp_server.settings import settings_for


def test_each_toolset_has_its_own_name_and_port() -> None:
    notes, clock = settings_for("notes"), settings_for("clock")
    assert (notes.resource, notes.port) == ("http://localhost:8000/mcp", 8000)
    assert (clock.resource, clock.port) == ("http://localhost:8001/mcp", 8001)


def test_the_environment_wins_over_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DACA_RESOURCE", "https://notes.example.com/mcp")
    monkeypatch.setenv("DACA_ISSUER", "https://login.example.com/")
    monkeypatch.setenv("DACA_ROUTES", '{"https://login.example.com": "auth-server"}')
    settings = settings_for("notes")
    assert settings.resource == "https://notes.example.com/mcp"
    assert settings.issuer == "https://login.example.com/"
    assert settings.routes == {"https://login.example.com": "auth-server"}


@pytest.mark.requirement("RS-03")
@pytest.mark.parametrize(
    "resource",
    [
        "",
        "notes",
        "ftp://localhost/mcp",
        "http://localhost:8000",
        "http://localhost:8000/",
        "http://localhost:8000/mcp/",
        "http://localhost:8000/mcp?x=1",
        "http://localhost:8000/mcp#x",
        "http://user@localhost:8000/mcp",
        "http://notes.example.com/mcp",
    ],
)
def test_a_server_without_a_sane_name_does_not_start(monkeypatch: pytest.MonkeyPatch, resource: str) -> None:
    monkeypatch.setenv("DACA_RESOURCE", resource)
    with pytest.raises(ValidationError, match="resource"):
        settings_for("notes")


def test_the_process_says_which_setting_is_wrong_and_ends() -> None:
    given = os.environ | {"DACA_RESOURCE": "http://notes.example.com/mcp"}
    ended = subprocess.run(
        [sys.executable, "-m", "mcp_server", "notes"],
        check=False,
        capture_output=True,
        text=True,
        env=given,
        timeout=30,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("DACA_RESOURCE: ")
    assert "https" in ended.stderr


def test_help_names_every_setting() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "mcp_server", "--help"], check=True, capture_output=True, text=True, timeout=30
    ).stdout
    fields = type(settings_for("notes")).model_fields
    assert [name for name in fields if f"DACA_{name.upper()}" not in shown] == []
