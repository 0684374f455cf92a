"""docs/cli.md is the contract: it names every command and every option."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from cli.main import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(group: TyperGroup, path: str = "daca") -> Iterator[tuple[str, list[str]]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", [option for one in command.params for option in one.opts if option.startswith("-")]


def every_command() -> list[tuple[str, list[str]]]:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return list(commands(group))


@pytest.mark.parametrize(("command", "options"), every_command())
def test_the_page_names_the_command_and_its_options(command: str, options: list[str]) -> None:
    assert f"`{command}" in PAGE
    assert not [
        option
        for option in options
        if f"`{option}" not in PAGE and f"[{option}" not in PAGE and f" {option} " not in PAGE
    ]


def test_there_is_something_to_check() -> None:
    assert {name for name, _ in every_command()} >= {
        "daca up",
        "daca demo",
        "daca token",
        "daca client add",
        "daca keys list",
    }
