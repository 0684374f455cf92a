"""`daca agent`: agents of your own."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
import yaml

from cli import screen
from cli.agent_files import ASK, Draft
from cli.drafting import askers, check_name, declarations, next_port, onward
from cli.options import AsJson, Data, Identity, settings_here
from cli.profiles import find_profiles, profile_folders
from cli.runfile import read_running

if TYPE_CHECKING:
    from cli.recruit import Recruited

agent = typer.Typer(
    no_args_is_help=True,
    help="Agents: make one, list them, ask one. An agent is a profile, and a resource and client of its name.",
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and hyphens.")]
_Description = Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is for, in one sentence.")]
_Servers = Annotated[
    list[str] | None,
    typer.Option("--mcp", metavar="NAME[:SCOPE]", help="A tool server, such as notes:mcp:read; repeatable."),
]
_Peers = Annotated[
    list[str] | None,
    typer.Option("--peer", metavar="NAME[:SCOPE]", help="Another agent it may ask, such as scribe; repeatable."),
]
_Approvals = Annotated[
    list[str] | None, typer.Option("--approval", metavar="TOOL", help="A tool that needs a person's yes; repeatable.")
]
_Port = Annotated[int | None, typer.Option("--port", metavar="N", min=1, max=65535, help="Default: the next free one.")]
_AskedBy = Annotated[
    list[str] | None,
    typer.Option("--asked-by", metavar="ID", help="A client that may ask it; repeatable. Default: operator."),
]
_Own = Annotated[bool, typer.Option("--own-work", help="It may use all that without a caller too.")]


@agent.command("new")
def new(
    context: typer.Context,
    name: _Name,
    description: _Description = "",
    mcp: _Servers = None,
    peer: _Peers = None,
    approval: _Approvals = None,
    port: _Port = None,
    asked_by: _AskedBy = None,
    own_work: _Own = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Make an agent: NAME.yaml and NAME.md among the profiles, and a resource and a client in the identity file.

    Your file keeps its comments and order. By default the agent can do nothing for itself: with --mcp and --peer it
    goes on in the name of whoever asks it, and only as far as they may. People may ask it after `daca login NAME`.
    """
    settings = settings_here(context, data, identity)
    declared = declarations(settings)
    check_name(name, declared, settings)
    chosen = port or next_port(declared, settings)
    draft = Draft(
        name=name,
        description=" ".join(description.split()) or "Answers what it is asked, with the tools it has.",
        url=f"http://localhost:{chosen}",
        port=chosen,
        servers=onward(mcp or (), declared, usual=()),
        peers=onward(peer or (), declared, usual=(ASK,)),
        approvals=tuple(dict.fromkeys(approval or ())),
        own=own_work,
    )
    # The profile's own check needs a library that no other command does.
    from cli.recruit import recruit  # noqa: PLC0415

    made = recruit(draft, profile_folders(settings)[0], askers(asked_by, declared), settings)
    _tell(draft, made, runs=read_running(settings.data) is not None, as_json=as_json)


@agent.command("list")
def list_all(context: typer.Context, data: Data = None, identity: Identity = None, as_json: AsJson = False) -> None:
    """List the agents that `daca up` runs: those with a profile and a resource of the same name."""
    settings = settings_here(context, data, identity)
    declared = {resource.name: resource.uri for resource in declarations(settings).resources.values()}
    running = read_running(settings.data)
    rows = [
        {
            "agent": name,
            "resource": declared[name],
            "description": _described(file),
            "profile": str(file),
            "running": bool(running and name in running.apps),
        }
        for name, file in find_profiles(settings).items()
        if name in declared
    ]
    if as_json:
        screen.print_json(rows)
        return
    shown = [(row["agent"], row["resource"], "running" if row["running"] else "", row["description"]) for row in rows]
    screen.print_table(("agent", "resource", "", "what it is for"), cast("list[tuple[str, ...]]", shown))


def _described(file: Path) -> str:
    try:
        profile = cast("Mapping[str, Any]", yaml.safe_load(file.read_text(encoding="utf-8")))
        return str(profile.get("description", ""))
    except (OSError, yaml.YAMLError, AttributeError, UnicodeDecodeError):
        return f"{file} cannot be read"


def _tell(draft: Draft, made: "Recruited", *, runs: bool, as_json: bool) -> None:
    files = (made.profile, made.instructions, made.identity)
    if as_json:
        said = {"agent": draft.name, "resource": draft.url, "client_id": draft.name, "asked_by": made.asked_by}
        screen.print_json({**said, "written": [str(file) for file in files]})
        return
    what = (
        "who it is, and what it may use",
        "how it behaves, in words for the model: make them yours",
        f"resource {draft.url} and client {draft.name}",
    )
    console = screen.stdout()
    for file, why in zip(files, what, strict=True):
        console.print(f"wrote  {file}  ({why})", markup=False)
    again = "stop `daca up` and start it again" if runs else "daca up"
    client = f" --client {made.asked_by[0]}" if made.asked_by else ""
    console.print(f'next   {again}, then: daca agent ask {draft.name} "…"{client}', markup=False)
