"""`daca`: start the system, look after its clients and keys, get tokens, call tools, see why something is refused."""

import logging
import sys

import typer
from typer.exceptions import Abort, TyperException

from cli import screen
from cli.agent import agent
from cli.ask import ask
from cli.call import call
from cli.client import client
from cli.demo import demo
from cli.errors import Failure
from cli.keys import keys
from cli.login import login, logout
from cli.options import Data, Global, Identity
from cli.token import token
from cli.up import up
from cli.user import user
from cli.verify import verify

_TEACH = """\
The identity layer for AI agents, from the command line.

[bold]First steps[/bold]

  daca demo                              the whole machine path, told as it happens

  daca up                                start everything; Ctrl-C ends it

  daca call notes --client operator      list the tools of an MCP server, with a token made for it

  daca call notes list_notes --client operator

  daca token notes --client operator | daca verify -

[bold]Yourself[/bold]

  daca user add ada                      make a person who can sign in

  daca login notes                       sign in in your browser; then: daca call notes list_notes

[bold]Agents[/bold]

  daca agent ask concierge "What time is it in Tokyo?" --client operator

  daca agent new poet --mcp notes:mcp:read

[bold]Your own client[/bold]

  daca client add my-agent --resource http://localhost:8000/mcp --scope mcp:read

Exit codes: 0 done, 1 refused or failed, 2 wrong usage. docs/cli.md is the contract for programs.
"""

app = typer.Typer(
    name="daca",
    help=_TEACH,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(up)
app.command()(demo)
app.command()(token)
app.command()(call)
app.command()(login)
app.command()(logout)
agent.command("ask")(ask)
app.add_typer(agent, name="agent")
app.add_typer(user, name="user")
app.add_typer(client, name="client")
app.add_typer(keys, name="keys")
app.command()(verify)


@app.callback()
def _global(context: typer.Context, data: Data = None, identity: Identity = None) -> None:
    context.obj = Global(data=data, identity=identity)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command: the exit code, after at most one line on stderr for anything that was expected to fail."""
    # A failure is one line of ours: libraries that warn on their way to it are not heard.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        code = app(arguments, prog_name="daca", standalone_mode=False)
    except Failure as failure:
        return _refuse(str(failure), failure.exit_code)
    except TyperException as error:
        return _refuse(f"{error.format_message()} (daca --help)", error.exit_code)
    except (Abort, KeyboardInterrupt):
        return _refuse("stopped", 1)
    return code if isinstance(code, int) else 0


def _refuse(why: str, code: int) -> int:
    screen.stderr().print(f"daca: {' '.join(why.split())}", markup=False)
    return code
