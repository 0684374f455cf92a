"""Puts a tool server together: a toolset, the MCP endpoint, and the door in front of it."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import httpx2
from mcp.server.caching import CacheHint
from mcp.server.extension import Extension
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_server.catalogue import scopes_of, tools_of
from mcp_server.endpoint import Endpoint
from mcp_server.notebook import Author, Notebook
from mcp_server.pace import Pace
from mcp_server.settings import Settings, ToolsetName
from mcp_server.tools.clock import ClockTools
from mcp_server.tools.notes import NotesTools
from resource_server import Caller, Door, current_caller
from sidecar.connect import Sidecar
from sidecar.state import State

IMPLIES: Mapping[str, tuple[str, ...]] = {"mcp:write": ("mcp:read",)}

_INSTRUCTIONS: Mapping[ToolsetName, str] = {
    "notes": "A shared notebook. Read a note before you replace it, and give the version you read.",
    "clock": "Tells the time in any IANA time zone.",
}


class ClientCredentials(Extension):
    """Says that machines may come with a client-credentials token. Extension oauth-client-credentials."""

    identifier = "io.modelcontextprotocol/oauth-client-credentials"


def create_app(settings: Settings, sidecar: Sidecar, toolset: ToolsetName) -> ASGIApp:
    """One tool server as an ASGI app: health for anyone, everything else through the door."""
    http = httpx2.AsyncClient(transport=sidecar.transport, timeout=httpx2.Timeout(5))
    tools = tools_for(toolset, sidecar.state)
    server = mcp_server(toolset, tools, _paced(Pace(settings.calls_per_second)))
    door = Door(
        _served(Endpoint(server)),
        resource=settings.resource,
        issuer=settings.issuer,
        scopes=("mcp:read",),
        tools=scopes_of(tools),
        implies=IMPLIES,
        http=http,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
    )
    return _healthy(door)


def tools_for(toolset: ToolsetName, state: State) -> object:
    """The tools of one toolset."""
    if toolset == "clock":
        return ClockTools()
    return NotesTools(Notebook(state), author)


def author() -> Author:
    """Whoever calls now, as the door verified it."""
    caller = _caller()
    return Author(subject=caller.subject, client_id=caller.client_id)


def mcp_server(toolset: ToolsetName, tools: object, gate: Callable[[], None]) -> MCPServer[Any]:
    """The toolset as an MCP server of all three revisions."""
    return MCPServer(
        f"daca-{toolset}",
        title=toolset.capitalize(),
        instructions=_INSTRUCTIONS[toolset],
        version=version("daca"),
        tools=list(tools_of(tools, gate)),
        extensions=[ClientCredentials()],
        # What a caller may see depends on its scopes: never shared between callers.
        cache_hints={"tools/list": CacheHint(ttl_ms=60_000), "server/discover": CacheHint(ttl_ms=300_000)},
        subscriptions=False,
    )


def _paced(pace: Pace) -> Callable[[], None]:
    def gate() -> None:
        caller = _caller()
        if seconds := pace.wait((caller.client_id, caller.subject)):
            raise ToolError(f"too many calls: the next one is possible in {seconds:.2f} s")

    return gate


def _caller() -> Caller:
    caller = current_caller()
    if caller is None:
        raise RuntimeError("a tool ran without a verified caller")
    return caller


def _served(endpoint: Endpoint) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with endpoint.running():
            yield

    return Starlette(routes=[Route("/mcp", endpoint)], lifespan=lifespan)


def _healthy(door: ASGIApp) -> ASGIApp:
    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    route = Route("/healthz", health)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        inside = route.app if scope["type"] == "http" and scope["path"] == "/healthz" else door
        await inside(scope, receive, send)

    return app
