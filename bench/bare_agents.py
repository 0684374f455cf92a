"""One app of the system with neither door nor tokens, served the same way: `python -m bench.bare_agents NAME`."""

import sys
import time
from collections.abc import Collection

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

from daca_agents import app as agent_app
from daca_agents.profile import load_profile
from daca_agents.settings import Settings, profile_path, routes_of
from daca_agents.shape import McpServerEntry, PeerEntry
from daca_agents.toolbox import Toolbox, Tools
from mcp_server.app import tools_for
from mcp_server.server import mcp_server, served
from mcp_server.settings import settings_for
from oauth_client import TokenSource
from resource_server.caller import SCOPE_KEY, Caller, enter, leave
from sidecar.connect import Sidecar
from sidecar.process import Process, run

TIMEOUT = httpx2.Timeout(60, connect=5)


class Open:
    """In the door's place: everybody is the same somebody."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        claims = {"exp": time.time() + 3600}
        self._caller = Caller(subject="anybody", client_id="bench", scopes=frozenset(), claims=claims, token="none")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reset = enter(self._caller)
        try:
            await self._app({**scope, SCOPE_KEY: self._caller}, receive, send)
        finally:
            leave(reset)


class BareToolbox(Toolbox):
    """The same tools for everybody, and no token for any."""

    def of(self, caller: Caller | None) -> Tools:
        return super().of(None if caller else caller)

    def _http(
        self, entry: McpServerEntry | PeerEntry, source: TokenSource, scopes: Collection[str]
    ) -> httpx2.AsyncClient:
        del entry, source, scopes
        return httpx2.AsyncClient(transport=self._transport, timeout=TIMEOUT)


def agent(name: str) -> None:
    settings = Settings()
    profile = load_profile(profile_path(settings, name))
    agent_app.Toolbox = BareToolbox  # what `create_app` makes, but for the tokens

    def build(sidecar: Sidecar) -> ASGIApp:
        return Open(agent_app.create_app(settings, sidecar, profile).app)

    port = settings.port or profile.port
    routes = routes_of(settings, profile)
    run(build, Process(app_id=name, host=settings.host, port=port, data=settings.data, routes=routes))


def tools(name: str) -> None:
    toolset = "clock" if name == "clock" else "notes"
    settings = settings_for(toolset)

    def build(sidecar: Sidecar) -> ASGIApp:
        return Open(served(mcp_server(toolset, tools_for(toolset, sidecar.state))))

    run(build, Process(app_id=name, host=settings.host, port=settings.port, data=settings.data, routes={}))


if __name__ == "__main__":
    (tools if sys.argv[1] in {"notes", "clock"} else agent)(sys.argv[1])
