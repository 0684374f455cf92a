"""`daca client`: who may get tokens."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from auth_server.admin import Invited, KnownClient, NewSecret, add_client, disable_client, invite, list_clients
from auth_server.admin import rotate_secret as rotate
from cli import screen
from cli.access import access_from
from cli.administer import Office, administer
from cli.credentials import keep_secret
from cli.errors import Usage
from cli.options import AsJson, AuthMethod, Data, Embedded, Identity, Sidecars, mode_of, settings_here
from cli.settings import Settings

client = typer.Typer(
    no_args_is_help=True,
    help="Who may get tokens: add, list, disable clients, give them new secrets, invite machines to register.",
)

_MORE = {"allow_extra_args": True}
_Id = Annotated[str, typer.Argument(metavar="ID", help="The client's id.")]
_Resources = Annotated[
    list[str] | None,
    typer.Option("--resource", metavar="URI", help="A resource it may reach, or its name; repeatable."),
]
_ItsScopes = Annotated[
    list[str] | None,
    typer.Option("--scope", metavar="SCOPE", help="What it may do there; repeatable. Default: the resource's own."),
]
_Method = Annotated[
    AuthMethod | None,
    typer.Option("--auth", help="How it proves itself. Default: by secret; by key where --jwks is given."),
]
_Jwks = Annotated[Path | None, typer.Option("--jwks", metavar="FILE", help="Its public keys, for private_key_jwt.")]
_Name = Annotated[str, typer.Option("--name", metavar="TEXT", help="What people call it.")]
_Uses = Annotated[int, typer.Option("--uses", metavar="N", help="How many clients may register with it.")]
_Expires = Annotated[int, typer.Option("--expires-in", metavar="SECONDS", help="How long it is good for.")]
_People = Annotated[bool, typer.Option("--people", help="For a client that people use; they decide what it reaches.")]
_Undo = Annotated[bool, typer.Option("--undo", help="Accept it again.")]


@client.command("add", context_settings=_MORE)
def add(
    context: typer.Context,
    client_id: _Id,
    resource: _Resources = None,
    scope: _ItsScopes = None,
    auth: _Method = None,
    jwks: _Jwks = None,
    name: _Name = "",
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Add a client; its secret is printed once, and kept in the data folder for `daca token` and `daca call`."""
    settings = settings_here(context, data, identity)
    keys = _read_jwks(jwks) if jwks else None

    async def work(office: Office) -> NewSecret:
        return await add_client(
            office.state,
            office.identity,
            resources=access_from(resource or (), scope or (), context.args, office.identity),
            client_id=client_id,
            client_name=name,
            auth_method=auth or ("private_key_jwt" if keys else "client_secret_basic"),
            jwks=keys,
        )

    _show_secret(administer(settings, mode_of(embedded=embedded, sidecars=sidecars), work), settings, as_json=as_json)


@client.command("list")
def list_all(
    context: typer.Context,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """List clients: those of identity.yaml, those made at run time, and those that registered themselves."""
    settings = settings_here(context, data, identity)

    async def work(office: Office) -> Sequence[KnownClient]:
        return await list_clients(office.state, office.identity)

    known = administer(settings, mode_of(embedded=embedded, sidecars=sidecars), work)
    if as_json:
        screen.print_json([asdict(one) for one in known])
    else:
        screen.print_table(("client", "from", "proves itself by", "may", ""), [_row(one) for one in known])


@client.command("rotate-secret")
def rotate_secret(
    context: typer.Context,
    client_id: _Id,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Give a client a new secret, printed once. The one before stays valid until the next rotation."""
    settings = settings_here(context, data, identity)

    async def work(office: Office) -> NewSecret:
        return await rotate(office.state, office.secrets, office.identity, client_id)

    _show_secret(administer(settings, mode_of(embedded=embedded, sidecars=sidecars), work), settings, as_json=as_json)


@client.command("disable")
def disable(
    context: typer.Context,
    client_id: _Id,
    undo: _Undo = False,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a client, within seconds. Tokens that it has live until they expire: minutes."""
    settings = settings_here(context, data, identity)

    async def work(office: Office) -> None:
        await disable_client(office.state, office.identity, client_id, disabled=not undo)

    administer(settings, mode_of(embedded=embedded, sidecars=sidecars), work)
    if as_json:
        screen.print_json({"client_id": client_id, "disabled": not undo})
    else:
        print(f"client {client_id} is {'accepted again' if undo else 'refused'}, within seconds")


@client.command("invite", context_settings=_MORE)
def invite_machines(
    context: typer.Context,
    resource: _Resources = None,
    scope: _ItsScopes = None,
    people: _People = False,
    uses: _Uses = 1,
    expires_in: _Expires = 3600,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Make an initial access token (RFC 7591) with which a client registers itself at /register. Printed once."""
    settings = settings_here(context, data, identity)

    async def work(office: Office) -> Invited:
        said = bool(resource or scope or context.args) or not people
        access = access_from(resource or (), scope or (), context.args, office.identity) if said else {}
        more = {"uses": uses, "expires_in": expires_in}
        return await invite(office.state, office.identity, resources=access, people=people, **more)

    invited = administer(settings, mode_of(embedded=embedded, sidecars=sidecars), work)
    if as_json:
        screen.print_json({"initial_access_token": invited.token, "uses": invited.uses, "expires": invited.expires})
    else:
        print(invited.token)


def _show_secret(made: NewSecret, settings: Settings, *, as_json: bool) -> None:
    kept = keep_secret(made.client_id, made.client_secret, settings) if made.client_secret else None
    if as_json:
        screen.print_json({"client_id": made.client_id, "client_secret": made.client_secret})
        return
    print(f"client_id      {made.client_id}")
    if made.client_secret:
        print(f"client_secret  {made.client_secret}")
        screen.stderr().print(f"shown this once{f'; kept in {kept}' if kept else ''}", style="dim", markup=False)


def _read_jwks(path: Path) -> dict[str, Any]:
    try:
        parsed: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Usage(f"--jwks {path} cannot be read as JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise Usage(f'--jwks {path} must hold a JWK Set: {{"keys": [...]}}')
    return cast("dict[str, Any]", parsed)


def _row(one: KnownClient) -> tuple[str, ...]:
    may = "; ".join(f"{uri}: {' '.join(scopes)}" for uri, scopes in one.resources.items())
    return one.client_id, one.origin, one.auth_method, may, "disabled" if one.disabled else ""
