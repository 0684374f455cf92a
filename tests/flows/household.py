"""Everything that identity.yaml declares, in one process: the authorization server, both tool servers, three agents."""

import base64
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from starlette.types import ASGIApp

from auth_server.app import create_app as create_issuer
from auth_server.settings import Settings as IssuerSettings
from daca_agents.app import create_app as create_agent
from daca_agents.profile import load_profile
from daca_agents.settings import Settings as AgentSettings
from mcp_server.app import create_app as create_server
from mcp_server.settings import ToolsetName, settings_for
from oauth_client import ClientSecret, Exchanges, Tokens
from sidecar.audit import Audit
from sidecar.connect import Sidecar
from sidecar.embedded import FileSecrets, SqliteState
from sidecar.secrets_file import SecretsFile
from sidecar.trace import Traced, TracedTransport
from tests.agents.conftest import lifespan
from tests.mcp_server.issuer import ISSUER, Wire

ROOT = Path(__file__).resolve().parents[2]
AGENTS = {
    "concierge": "http://localhost:8010",
    "researcher": "http://localhost:8011",
    "scribe": "http://localhost:8012",
}
TOOLS: dict[ToolsetName, str] = {"notes": "http://localhost:8000/mcp", "clock": "http://localhost:8001/mcp"}
RESOURCES: Mapping[str, str] = {**TOOLS, **AGENTS}
MACHINES = (*AGENTS, "operator")


@dataclass(kw_only=True)
class Household:
    """What runs, and what each machine gets by itself and in a caller's name."""

    wire: Wire
    http: httpx2.AsyncClient
    own: dict[str, Tokens] = field(default_factory=dict[str, Tokens])
    callers: dict[str, Exchanges] = field(default_factory=dict[str, Exchanges])
    audit: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list[tuple[str, str, Mapping[str, str]]])
    """Every decision in the order of its telling: app, event, what it says."""

    async def token(self, client: str, resource: str, *scopes: str) -> str:
        """A token that a machine has for itself."""
        return (await self.own[client].fetch(RESOURCES[resource], scopes)).access_token

    async def exchanged(self, agent: str, token: str, resource: str, *scopes: str) -> str:
        """A token that an agent has in the name of whoever sent this one."""
        return (await self.callers[agent].of(token).fetch(RESOURCES[resource], scopes)).access_token

    async def knock(self, resource: str, token: str) -> httpx2.Response:
        """The least that a holder of a good token gets an answer to."""
        if resource in AGENTS:
            return await self.http.post(f"{AGENTS[resource]}/ask", json={"input": "hello"}, headers=_bearer(token))
        return await self.call(resource, token, "tools/list")

    async def call(self, resource: str, token: str, method: str, params: dict[str, Any] | None = None) -> Any:
        """One message to a tool server."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        headers = {**_bearer(token), "accept": "application/json, text/event-stream"}
        return await self.http.post(RESOURCES[resource], json=message, headers=headers)


@asynccontextmanager
async def household(
    folder: Path, changed: Mapping[str, Mapping[str, object]] | None = None, **model: Any
) -> AsyncGenerator[Household]:
    """All of it, with the repository's own identity.yaml and profiles; `model` says which one thinks.

    `changed`: by agent, what of its profile is to be another.
    """
    wire = Wire()
    secrets = SecretsFile(folder / "secrets.json")
    secrets.put("auth-server-kek", {"kek": base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")})
    for client in MACHINES:
        secrets.put(f"client-{client}", {"secret": f"s3cret-of-the-{client}"})
    async with AsyncExitStack() as stack, httpx2.AsyncClient(transport=wire, timeout=30) as http:
        found = Household(wire=wire, http=http)

        async def sidecar(app_id: str) -> Sidecar:
            state = await stack.enter_async_context(SqliteState(folder / "state.db", app_id))
            return Sidecar(
                mode="embedded",
                state=state,
                secrets=FileSecrets(folder / "secrets.json"),
                transport=TracedTransport(wire),
                audit=Audit([partial(_heard, found, app_id)]),
            )

        async def serve(url: str, app: ASGIApp) -> None:
            wire.apps[url.removesuffix("/mcp")] = Traced(app)  # as every process does
            await stack.enter_async_context(lifespan(app))

        issuing = IssuerSettings(identity=ROOT / "identity.yaml", data=folder)
        await serve(ISSUER, create_issuer(issuing, await sidecar("auth-server")))
        for toolset, url in TOOLS.items():
            await serve(url, create_server(settings_for(toolset), await sidecar(toolset), toolset))
        for name, url in AGENTS.items():
            profile = load_profile(ROOT / "agents" / "profiles" / f"{name}.yaml")
            profile = profile.model_copy(update=dict((changed or {}).get(name, {})))
            await serve(url, create_agent(AgentSettings(data=folder / name, **model), await sidecar(name), profile))
        for client in MACHINES:
            proof = ClientSecret(client, f"s3cret-of-the-{client}")
            found.own[client] = await stack.enter_async_context(Tokens(credentials=proof, http=http, issuer=ISSUER))
            found.callers[client] = await stack.enter_async_context(
                Exchanges(credentials=proof, http=http, issuer=ISSUER)
            )
        yield found


def _heard(house: Household, app_id: str, event: str, said: Mapping[str, str]) -> None:
    house.audit.append((app_id, event, said))


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
