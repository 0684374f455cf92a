"""An MCP server as the agent loop sees it, reached with a token for it alone.

Every request has a session of its own over one shared connection pool. A server of 2026-07-28 keeps none anyway;
for an older one a handshake more is the price for three things: calls run side by side, one refusal ends one call
and not its neighbours, and a server that was away is simply asked again.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx2
from agents import AgentBase, RunContextWrapper
from agents.mcp import MCPServer
from mcp import Client
from mcp.client.extension import advertise
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, GetPromptResult, ListPromptsResult, Tool
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from daca_agents.consent import Consent
from daca_agents.refusals import ToolServerProblem, ToolServerRefused, problem_of
from oauth_client import CLIENT_CREDENTIALS_EXTENSION, OAuthClientError

_LISTED_SECONDS = 30.0
_AWAY_SECONDS = 2.0
_ANSWER_SECONDS = 60.0
_T = TypeVar("_T")


class ToolServer(MCPServer):
    """One MCP server as the agent loop sees it.

    `http` carries the token; `failed` hears of every call that failed; `approvals` are tools that need a person's yes;
    `consent` asks a person for a scope that a call lacks.
    """

    def __init__(  # noqa: PLR0913  where it is, with which tokens, and which people are asked
        self,
        name: str,
        url: str,
        http: httpx2.AsyncClient,
        *,
        failed: Callable[[RunContextWrapper[Any], ToolServerProblem], None],
        approvals: Collection[str] = (),
        consent: Consent | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            use_structured_content=True,
            require_approval=dict.fromkeys(approvals, "always"),
            failure_error_function=self._told,
            custom_data_extractor=_is_error,
        )
        self._name = name
        self._url = url
        self._http = http
        self._failed = failed
        self._consent = consent
        self._clock = clock
        self._mode = "auto"
        self._listed: tuple[float, list[Tool]] | None = None
        self._away: tuple[float, ToolServerProblem] | None = None

    @property
    def name(self) -> str:
        """The name in the profile."""
        return self._name

    async def connect(self) -> None:
        """Nothing to do: each request opens what it needs."""

    async def cleanup(self) -> None:
        """Nothing to do: each request closes what it opened."""

    async def survey(self) -> ToolServerProblem | None:
        """Learn which tools there are; the problem, when that is impossible now."""
        try:
            await self._tools()
        except ToolServerProblem as problem:
            return problem
        return None

    async def list_tools(
        self, run_context: RunContextWrapper[Any] | None = None, agent: AgentBase[Any] | None = None
    ) -> list[Tool]:
        """The tools this agent may call; none while the server is away, so that the agent goes on without."""
        del run_context, agent
        try:
            return [tool.model_copy(deep=True) for tool in await self._tools()]
        except ToolServerProblem:
            return []

    async def call_tool(
        self, tool_name: str, arguments: dict[str, Any] | None, meta: dict[str, Any] | None = None
    ) -> CallToolResult:
        """Call one tool; where a person may be asked for what it lacks, once more with what they allow.

        They are asked outside of any session: those wait for seconds, a person for minutes. Raises ToolServerProblem.
        """
        del meta
        given = arguments or {}
        try:
            return await self._ask(lambda client: client.call_tool(tool_name, given))
        except ToolServerRefused as refused:
            if self._consent is None or not self._consent.covers(refused.lacks):
                raise
            consent, lacks = self._consent, refused.lacks
        try:
            http = await consent.obtain(lacks, tool_name, given)
        except OAuthClientError as error:
            raise ToolServerRefused(self._name, str(error)) from None
        return await self._ask(lambda client: client.call_tool(tool_name, given), http)

    async def list_prompts(self) -> ListPromptsResult:
        """The prompts it offers. Raises ToolServerProblem."""
        return await self._ask(lambda client: client.list_prompts())

    async def get_prompt(self, name: str, arguments: dict[str, Any] | None = None) -> GetPromptResult:
        """One prompt. Raises ToolServerProblem."""
        return await self._ask(lambda client: client.get_prompt(name, arguments))

    async def _tools(self) -> list[Tool]:
        now = self._clock()
        if self._listed is not None and now < self._listed[0]:
            return self._listed[1]
        if self._away is not None and now < self._away[0]:
            raise self._away[1]
        try:
            tools = (await self._ask(lambda client: client.list_tools())).tools
        except ToolServerProblem as problem:
            self._away = (now + _AWAY_SECONDS, problem)
            raise
        self._listed, self._away = (now + _LISTED_SECONDS, tools), None
        return tools

    async def _ask(self, question: Callable[[Client], Awaitable[_T]], http: httpx2.AsyncClient | None = None) -> _T:
        try:
            async with self._session(http or self._http) as client:
                return await question(client)
        except Exception as error:
            self._mode, self._listed = "auto", None
            problem = problem_of(self._name, self._url, error)
            if problem is None:
                raise
            raise problem from None

    @asynccontextmanager
    async def _session(self, http: httpx2.AsyncClient) -> AsyncGenerator[Client]:
        """One session, in the server's own revision once that is known. MCP, Backward Compatibility."""
        transport = streamable_http_client(self._url, http_client=http, terminate_on_close=True)
        extensions = [advertise(CLIENT_CREDENTIALS_EXTENSION)]
        async with Client(
            transport, mode=self._mode, cache=None, read_timeout_seconds=_ANSWER_SECONDS, extensions=extensions
        ) as client:
            spoken = client.protocol_version
            self._mode = spoken if spoken in MODERN_PROTOCOL_VERSIONS else "legacy"
            yield client

    def _told(self, context: RunContextWrapper[Any], error: Exception) -> str:
        """What the model hears of a failed call: which server and why, so that it can say so."""
        problem = error if isinstance(error, ToolServerProblem) else ToolServerRefused(self._name, str(error))
        self._failed(context, problem)
        return f"The tool server {problem.server} could not be used: {problem.why}"


def _is_error(context: Any) -> dict[str, Any]:
    """Keep the MCP result's own `isError` beside the output that the model sees."""
    return {"error": bool(context.is_error)}
