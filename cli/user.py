"""`daca user`: the people who sign in with a password of ours, for development."""

import getpass
import sys
from typing import Annotated

import typer

from auth_server.admin import KnownUser, add_user, disable_user, list_users
from cli import screen
from cli.administer import administer
from cli.errors import Usage
from cli.options import AsJson, Data, Embedded, Identity, Sidecars, mode_of, settings_here

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The name they sign in with.")]
_Stdin = Annotated[bool, typer.Option("--password-stdin", help="The password is the first line of stdin.")]
_Undo = Annotated[bool, typer.Option("--undo", help="Let them sign in again.")]

user = typer.Typer(help="People who sign in with a password, for development.", no_args_is_help=True)


@user.command()
def add(
    context: typer.Context,
    name: _Name,
    password_stdin: _Stdin = False,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Make a person, or give one who is there a new password."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _asked()
    settings = settings_here(context, data, identity)
    made = administer(
        settings,
        mode_of(embedded=embedded, sidecars=sidecars),
        lambda office: add_user(office.state, name, password),
    )
    if as_json:
        screen.print_json(_wire(made))
        return
    screen.stdout().print(f"{made.name} can sign in at {settings.issuer}/sign-in", markup=False)


@user.command("list")
def list_(
    context: typer.Context,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Show the people made at run time."""
    settings = settings_here(context, data, identity)
    known = administer(settings, mode_of(embedded=embedded, sidecars=sidecars), lambda office: list_users(office.state))
    if as_json:
        screen.print_json([_wire(one) for one in known])
        return
    rows = [(one.name, one.subject, "disabled" if one.disabled else "") for one in known]
    screen.print_table(("name", "subject", ""), rows)


@user.command()
def disable(
    context: typer.Context,
    name: _Name,
    undo: _Undo = False,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    data: Data = None,
    identity: Identity = None,
) -> None:
    """Let a person no longer sign in, nor their clients refresh."""
    administer(
        settings_here(context, data, identity),
        mode_of(embedded=embedded, sidecars=sidecars),
        lambda office: disable_user(office.state, name, disabled=not undo),
    )


def _asked() -> str:
    """Typed twice, never shown."""
    if not sys.stdin.isatty():
        raise Usage("there is no terminal to ask for a password: --password-stdin reads it")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise Usage("the two passwords differ")
    return password


def _wire(known: KnownUser) -> dict[str, object]:
    return {"name": known.name, "subject": known.subject, "created": known.created, "disabled": known.disabled}
