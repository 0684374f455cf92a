"""A toolset as an MCP server of all three revisions, at exactly `/mcp`."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.extension import Extension
from mcp.server.mcpserver import MCPServer
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, Router

from mcp_server.catalogue import tools_of
from mcp_server.endpoint import Endpoint
from mcp_server.settings import ToolsetName

_INSTRUCTIONS: Mapping[ToolsetName, str] = {
    "notes": "A shared notebook. Read a note before you replace it, and give the version you read.",
    "clock": "Tells the time in any IANA time zone.",
}


class ClientCredentials(Extension):
    """Says that machines may come with a client-credentials token. Extension oauth-client-credentials."""

    identifier = "io.modelcontextprotocol/oauth-client-credentials"


def mcp_server(toolset: ToolsetName, tools: object) -> MCPServer[Any]:
    """The toolset's server."""
    # The SDK's own lines tell of every session and of what callers asked; the door logs the decisions.
    logging.getLogger("mcp").setLevel(logging.WARNING)
    return MCPServer(
        f"daca-{toolset}",
        title=toolset.capitalize(),
        instructions=_INSTRUCTIONS[toolset],
        version=version("daca"),
        tools=list(tools_of(tools)),
        extensions=[ClientCredentials()],
        # What a caller may see depends on its scopes: never shared between callers.
        cache_hints={"tools/list": CacheHint(ttl_ms=60_000), "server/discover": CacheHint(ttl_ms=300_000)},
        subscriptions=False,
    )


def served(server: MCPServer[Any]) -> Router:
    """The server at exactly `/mcp`, and its health: a redirect of `/mcp/` would lose the token in some clients."""
    endpoint = Endpoint(server)

    @asynccontextmanager
    async def lifespan(_: Router) -> AsyncGenerator[None]:
        async with endpoint.running():
            yield

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    routes = [Route("/mcp", endpoint), Route("/healthz", health)]
    return Router(routes, redirect_slashes=False, lifespan=lifespan)
