"""A session with an MCP server in the revision that was asked for."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import httpx2
import mcp_types as types
from mcp import ClientSession
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from cli.errors import Failure

_ABOUT: Final = types.Implementation(name="daca", version="0.1.0")


class McpSession:
    """What `daca` asks of an MCP server, whatever the revision."""

    def __init__(self, speaker: Client | ClientSession, version: str) -> None:
        self._speaker = speaker
        self.version = version

    async def tools(self) -> list[types.Tool]:
        """All tools that the token lets one see, page by page."""
        found: list[types.Tool] = []
        cursor: str | None = None
        while True:
            page = await self._page(cursor)
            found += page.tools
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> types.CallToolResult:
        """One tool call."""
        return await self._speaker.call_tool(tool, dict(arguments))

    async def _page(self, cursor: str | None) -> types.ListToolsResult:
        if isinstance(self._speaker, Client):
            return await self._speaker.list_tools(cursor=cursor)
        return await self._speaker.list_tools(params=types.PaginatedRequestParams(cursor=cursor) if cursor else None)


def open_session(url: str, http: httpx2.AsyncClient, protocol: str | None) -> AbstractAsyncContextManager[McpSession]:
    """In exactly `protocol`; None: the newest that the server speaks. Raises Failure when it does not speak it."""
    return _handshake(url, http, protocol) if protocol in HANDSHAKE_PROTOCOL_VERSIONS else _modern(url, http, protocol)


@asynccontextmanager
async def _modern(url: str, http: httpx2.AsyncClient, protocol: str | None) -> AsyncGenerator[McpSession]:
    transport = streamable_http_client(url, http_client=http)
    async with Client(transport, mode=protocol or "auto", client_info=_ABOUT) as client:
        yield McpSession(client, client.protocol_version)


@asynccontextmanager
async def _handshake(url: str, http: httpx2.AsyncClient, protocol: str) -> AsyncGenerator[McpSession]:
    async with (
        streamable_http_client(url, http_client=http) as (reading, writing),
        ClientSession(reading, writing, client_info=_ABOUT) as session,
    ):
        await _initialize(session, protocol)
        yield McpSession(session, protocol)


async def _initialize(session: ClientSession, protocol: str) -> None:
    """The SDK's own handshake always offers its newest revision; this one offers the one asked for."""
    params = types.InitializeRequestParams(
        protocol_version=protocol, capabilities=types.ClientCapabilities(), client_info=_ABOUT
    )
    result = await session.send_request(types.InitializeRequest(params=params), types.InitializeResult)
    if result.protocol_version != protocol:
        raise Failure(f"the server does not speak {protocol}; it offers {result.protocol_version}")
    session.adopt(result)
    await session.send_notification(types.InitializedNotification())
