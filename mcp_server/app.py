"""Puts a tool server together: a toolset, the MCP endpoint, and the door in front of it."""

from collections.abc import Mapping

import httpx2

from mcp_server.catalogue import scopes_of
from mcp_server.endpoint import MAX_BODY
from mcp_server.note import Author
from mcp_server.notebook import Notebook
from mcp_server.server import mcp_server, served
from mcp_server.settings import Settings, ToolsetName
from mcp_server.tools.clock import ClockTools
from mcp_server.tools.notes import NotesTools
from resource_server import Door, RateLimit, current_caller
from sidecar.connect import Sidecar
from sidecar.doors import told_to
from sidecar.state import State

IMPLIES: Mapping[str, tuple[str, ...]] = {"mcp:write": ("mcp:read",)}
_BURST_SECONDS = 10


def create_app(settings: Settings, sidecar: Sidecar, toolset: ToolsetName) -> Door:
    """One tool server as an ASGI app: `/healthz` for anyone, everything else through the door."""
    tools = tools_for(toolset, sidecar.state)
    return Door(
        served(mcp_server(toolset, tools)),
        resource=settings.resource,
        issuer=settings.issuer,
        http=httpx2.AsyncClient(transport=sidecar.transport, timeout=httpx2.Timeout(5)),
        name=toolset,
        scopes=("mcp:read",),
        tools=scopes_of(tools),
        implies=IMPLIES,
        list_all_tools=settings.list_all_tools,
        list_all_on_request=True,
        max_body=MAX_BODY,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
        rate_limit=_pace(settings.calls_per_second),
        decided=told_to(sidecar.audit),
    )


def tools_for(toolset: ToolsetName, state: State) -> object:
    """The tools of one toolset."""
    if toolset == "clock":
        return ClockTools()
    return NotesTools(Notebook(state), _author)


def _author() -> Author:
    """Whoever calls now, as the door verified it."""
    caller = current_caller()
    return Author(subject=caller.subject, client_id=caller.client_id, actors=caller.actors)


def _pace(per_second: float) -> RateLimit | None:
    if per_second <= 0:
        return None
    return RateLimit(per_second=per_second, burst=max(1, int(per_second * _BURST_SECONDS)))
