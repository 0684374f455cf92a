"""One question to one MCP server, and its answer on the screen."""

from collections.abc import Sequence
from typing import Any

import httpx2
import mcp_types as types

from cli import screen
from cli.credentials import credentials_of
from cli.errors import Failure
from cli.mcp_session import McpSession, open_session
from cli.patience import patient_http
from cli.person import person_tokens, their_browser
from cli.question import Question
from cli.settings import Settings
from cli.witness import Witness
from oauth_client import InsufficientScope, LoginRequired, OAuthClientError, TokenAuth, Tokens, TokenSource

_WAIT = 300.0


async def ask(question: Question, settings: Settings) -> types.CallToolResult | list[types.Tool]:
    """One question to one server. Raises Failure that says who refused, and why."""
    async with patient_http(settings) as http:
        tokens = _tokens(question, settings, http)
        try:
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
            failure = witness.failure(question.url, error)
            raise _with_advice(question, failure, witness.error) from error


def _tokens(question: Question, settings: Settings, http: httpx2.AsyncClient) -> TokenSource:
    """The client's own, or those of the person."""
    if question.client_id is None:
        return person_tokens(settings, http, browser=their_browser(_WAIT, opens=True) if question.sign_in else None)
    proven = credentials_of(question.client_id, settings)
    return Tokens(credentials=proven.credentials, http=http, issuer=proven.issuer)


async def _put(question: Question, session: McpSession) -> types.CallToolResult | list[types.Tool]:
    if question.tool is None:
        return await session.tools()
    return await session.call(question.tool, question.arguments)


def _with_advice(question: Question, failure: Failure, why: OAuthClientError | None) -> Failure:
    if question.client_id is None and isinstance(why, LoginRequired | InsufficientScope):
        return Failure(f"{failure}. Run: daca login {question.url} (--scope SCOPE for more)")
    return failure


def show(answer: types.CallToolResult | list[types.Tool], *, as_json: bool) -> None:
    """On stdout. Raises Failure for a tool that failed."""
    if isinstance(answer, types.CallToolResult):
        _show_result(answer, as_json=as_json)
    else:
        _show_tools(answer, as_json=as_json)


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
