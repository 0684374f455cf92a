"""`daca call`: list or call the tools of any MCP server, with a token from whatever authorization server it names."""

import asyncio
import json
from typing import Annotated, Any, Final, cast

import typer

from cli.errors import Usage
from cli.options import AsJson, Data, Identity, Scopes, settings_here
from cli.question import Question
from cli.targets import resolve

PROTOCOLS: Final = ("2026-07-28", "2025-11-25", "2025-06-18")
_Url = Annotated[str, typer.Argument(metavar="URL", help="An MCP server: its URL, or a name like notes.")]
_Client = Annotated[str | None, typer.Option("--client", metavar="ID", help="A client; without it, you: `daca login`.")]
_SignIn = Annotated[bool, typer.Option("--sign-in", help="Open the browser when sign-in or more scope is needed.")]
_Tool = Annotated[str | None, typer.Argument(metavar="[TOOL]", help="The tool to call; without it, tools are listed.")]
_Arguments = Annotated[str, typer.Option("--args", metavar="JSON", help="The tool's arguments: a JSON object.")]
_Protocol = Annotated[
    str | None,
    typer.Option("--protocol", metavar="REVISION", help=f"Exactly this revision: {', '.join(PROTOCOLS)}."),
]


def call(
    context: typer.Context,
    url: _Url,
    tool: _Tool = None,
    client: _Client = None,
    arguments: _Arguments = "{}",
    protocol: _Protocol = None,
    sign_in: _SignIn = False,
    scope: Scopes = None,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """List the tools of an MCP server, or call one.

    Starts from the server's own refusal and follows it to the authorization server it names. The secret comes from
    this system's store; for foreign servers from DACA_CLIENT_SECRET or DACA_CLIENT_KEY. Without --client it is you who
    asks, with the tokens of `daca login`. Newest revision by default.
    """
    settings = settings_here(context, data, identity)
    if protocol is not None and protocol not in PROTOCOLS:
        raise Usage(f"there is no revision {protocol}: choose from {', '.join(PROTOCOLS)}")
    question = Question(
        url=resolve(url, settings),
        tool=tool,
        arguments=_object(arguments),
        client_id=client,
        sign_in=sign_in,
        scopes=scope or (),
        protocol=protocol,
    )
    # The MCP SDK takes a second to load, and no other command needs it.
    from cli.conversation import ask, show  # noqa: PLC0415

    show(asyncio.run(ask(question, settings)), as_json=as_json)


def _object(text: str) -> dict[str, Any]:
    try:
        parsed: object = json.loads(text)
    except ValueError as error:
        raise Usage(f"--args is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise Usage('--args must be a JSON object, like \'{"title": "…"}\'')
    return cast("dict[str, Any]", parsed)
