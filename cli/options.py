"""Options that many commands share, so that each is spelt, explained and read in one place."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from cli.errors import Usage
from cli.runfile import read_running
from cli.settings import Mode, Settings, read_settings

Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="State and secrets of this system.")]
Identity = Annotated[
    Path | None, typer.Option("--identity", metavar="FILE", help="Resources and clients: identity.yaml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One line of JSON on stdout.")]
Embedded = Annotated[bool, typer.Option("--embedded", help="No sidecars: files in the data folder.")]
Sidecars = Annotated[bool, typer.Option("--sidecars", help="A Dapr sidecar beside each app.")]
Client = Annotated[str, typer.Option("--client", metavar="ID", help="Who asks: a client id.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", metavar="SCOPE", help="Ask for this scope; repeatable.")]

AuthMethod: TypeAlias = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]


@dataclass(frozen=True, kw_only=True)
class Global:
    """What was said before the command's name: `daca --data DIR up`."""

    data: Path | None
    identity: Path | None


def settings_of(context: typer.Context, data: Path | None, identity: Path | None = None) -> Settings:
    """The settings of one command: its own options, else the global ones, else the environment."""
    said = context.find_object(Global) or Global(data=None, identity=None)
    return read_settings(os.environ, data or said.data, identity or said.identity)


def settings_here(context: typer.Context, data: Path | None, identity: Path | None = None) -> Settings:
    """The same, where nothing was said as the system that runs in the data folder has it."""
    settings = settings_of(context, data, identity)
    running = read_running(settings.data)
    return settings.beside(Path(running.identity), running.issuer) if running else settings


def mode_of(*, embedded: bool, sidecars: bool) -> Mode | None:
    """The mode asked for, if any. Raises Usage when both are."""
    if embedded and sidecars:
        raise Usage("--embedded and --sidecars exclude each other")
    if embedded:
        return "embedded"
    return "sidecars" if sidecars else None
