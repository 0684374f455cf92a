"""`daca call`: list or call the tools of any MCP server, with a token from whatever authorization server it names."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

import mcp_types as types
import typer

from cli import screen
from cli.credentials import credentials_of
from cli.errors import Failure, Usage
from cli.mcp_session import PROTOCOLS, McpSession, open_session
from cli.options import AsJson, Client, Data, Identity, Scopes, settings_here
from cli.patience import patient_http
from cli.settings import Settings
from cli.targets import resolve
from cli.witness import Witness
from oauth_client import OAuthClientError, TokenAuth, Tokens

_Url = Annotated[str, typer.Argument(metavar="URL", help="An MCP server: its URL, or a name like notes.")]
_Tool = Annotated[str | None, typer.Argument(metavar="[TOOL]", help="The tool to call; without it, tools are listed.")]
_Arguments = Annotated[str, typer.Option("--args", metavar="JSON", help="The tool's arguments: a JSON object.")]
_Protocol = Annotated[
    str | None,
    typer.Option("--protocol", metavar="REVISION", help=f"Exactly this revision: {', '.join(PROTOCOLS)}."),
]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to ask of which server, as whom."""

    url: str
    tool: str | None
    arguments: dict[str, Any]
    client_id: str
    scopes: Sequence[str]
    protocol: str | None


def call(
    context: typer.Context,
    url: _Url,
    client: Client,
    tool: _Tool = None,
    arguments: _Arguments = "{}",
    protocol: _Protocol = None,
    scope: Scopes = None,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """List the tools of an MCP server, or call one.

    Starts from the server's own refusal and follows it to the authorization server it names. The secret comes from
    this system's store; for foreign servers from DACA_CLIENT_SECRET or DACA_CLIENT_KEY. Newest revision by default.
    """
    settings = settings_here(context, data, identity)
    if protocol is not None and protocol not in PROTOCOLS:
        raise Usage(f"there is no revision {protocol}: choose from {', '.join(PROTOCOLS)}")
    question = Question(
        url=resolve(url, settings),
        tool=tool,
        arguments=_object(arguments),
        client_id=client,
        scopes=scope or (),
        protocol=protocol,
    )
    answer = asyncio.run(ask(question, settings))
    if isinstance(answer, types.CallToolResult):
        _show_result(answer, as_json=as_json)
    else:
        _show_tools(answer, as_json=as_json)


async def ask(question: Question, settings: Settings) -> types.CallToolResult | list[types.Tool]:
    """One question to one server. Raises Failure that says who refused, and why."""
    proven = credentials_of(question.client_id, settings)
    async with patient_http(settings) as http:
        try:
            tokens = Tokens(credentials=proven.credentials, http=http, issuer=proven.issuer)
            auth = TokenAuth(tokens, resource=question.url, scopes=tuple(question.scopes), on_failure="answer")
        except OAuthClientError as error:
            raise Failure(str(error)) from error
        witness = Witness()
        http.auth = auth
        witness.watch(http)
        try:
            async with open_session(question.url, http, question.protocol) as session:
                return await _put(question, session)
        except Exception as error:
            raise witness.failure(question.url, error) from error


async def _put(question: Question, session: McpSession) -> types.CallToolResult | list[types.Tool]:
    if question.tool is None:
        return await session.tools()
    return await session.call(question.tool, question.arguments)


def _object(text: str) -> dict[str, Any]:
    try:
        parsed: object = json.loads(text)
    except ValueError as error:
        raise Usage(f"--args is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise Usage('--args must be a JSON object, like \'{"title": "…"}\'')
    return cast("dict[str, Any]", parsed)


def _show_tools(tools: Sequence[types.Tool], *, as_json: bool) -> None:
    if as_json:
        screen.print_json({"tools": [_wire(tool) for tool in tools]})
        return
    screen.print_table(("tool", "what it does"), [(tool.name, _first_line(tool.description)) for tool in tools])


def _show_result(result: types.CallToolResult, *, as_json: bool) -> None:
    if as_json:
        screen.print_json(_wire(result))
    elif not result.is_error:
        print("\n".join(texts_of(result)))
    if result.is_error:
        raise Failure(f"the tool failed: {' '.join(texts_of(result))}")


def texts_of(result: types.CallToolResult) -> list[str]:
    """What a person can read of a result; other kinds of content by their name."""
    return [item.text if isinstance(item, types.TextContent) else f"({item.type})" for item in result.content]


def _wire(value: types.CallToolResult | types.Tool) -> dict[str, Any]:
    return value.model_dump(by_alias=True, mode="json", exclude_none=True)


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n", maxsplit=1)[0]
