"""`daca keys`: what tokens are signed with."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import typer

from auth_server.admin import KnownKey, list_keys, rotate_keys
from cli import screen
from cli.administer import Office, administer
from cli.options import AsJson, Data, Embedded, Identity, Sidecars, mode_of, settings_here

keys = typer.Typer(no_args_is_help=True, help="The keys that sign tokens: list them, rotate them with overlap.")


@keys.command("list")
def list_all(
    context: typer.Context,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """List the published signing keys, and which of them sign now."""
    settings = settings_here(context, data, identity)

    async def work(office: Office) -> Sequence[KnownKey]:
        return await list_keys(office.state)

    _show(administer(settings, mode_of(embedded=embedded, sidecars=sidecars), work), as_json=as_json)


@keys.command("rotate")
def rotate(
    context: typer.Context,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Let the keys in waiting sign as soon as everyone can know them; old ones stay until their last token expires."""
    settings = settings_here(context, data, identity)

    async def work(office: Office) -> Sequence[KnownKey]:
        return await rotate_keys(office.state, office.secrets)

    _show(administer(settings, mode_of(embedded=embedded, sidecars=sidecars), work), as_json=as_json)


def _show(known: Sequence[KnownKey], *, as_json: bool) -> None:
    if as_json:
        screen.print_json([asdict(key) for key in known])
        return
    screen.print_table(
        ("kid", "alg", "role", "published", "signs from"),
        [(key.kid, key.alg, key.role, _moment(key.published), _moment(key.active_from)) for key in known],
    )


def _moment(seconds: int | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
