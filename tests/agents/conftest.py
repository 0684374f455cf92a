"""The researcher in a world of real parts in one process: issuer, doors, tool servers, secrets file."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp, Message

from daca_agents.app import create_app
from daca_agents.profile import Profile, load_profile
from daca_agents.settings import Settings
from mcp_server.app import create_app as create_server
from mcp_server.settings import ToolsetName, settings_for
from sidecar.audit import Audit
from sidecar.connect import Sidecar
from sidecar.embedded import FileSecrets, SqliteState
from sidecar.secrets_file import SecretsFile
from tests.agents.model_endpoint import Endpoint, serving
from tests.mcp_server.issuer import ISSUER, Issuer, Wire

PROFILE = Path(__file__).resolve().parents[2] / "agents" / "profiles" / "researcher.yaml"
SECRET = "s3cret-of-the-researcher"
RESEARCHER = "http://localhost:8011"
NOTES = "http://localhost:8000"
CLOCK = "http://localhost:8001"


class World:
    """What the researcher lives in. Servers can go away and come back."""

    def __init__(self, folder: Path) -> None:
        reads = {f"{NOTES}/mcp": frozenset({"mcp:read"}), f"{CLOCK}/mcp": frozenset({"mcp:read"})}
        self.issuer = Issuer({"researcher": (SECRET, frozenset({"mcp:read"}))}, {"researcher": (RESEARCHER, reads)})
        self.wire = Wire()
        self.wire.apps[ISSUER] = self.issuer.app()
        self.secrets = SecretsFile(folder / "secrets.json")
        self.secrets.put("client-researcher", {"secret": SECRET})
        self.state = SqliteState(folder / "state.db", "notes")
        self.folder = folder
        self.decisions: list[tuple[str, Mapping[str, str]]] = []
        self._stack = AsyncExitStack()

    @property
    def sidecar(self) -> Sidecar:
        """The way to the world that each app gets."""
        return self.sidecar_with(self.state)

    def sidecar_with(self, state: SqliteState) -> Sidecar:
        """The same way, to another app's state."""
        secrets = FileSecrets(self.folder / "secrets.json")
        audit = Audit((lambda event, said: self.decisions.append((event, said)),))
        return Sidecar(mode="embedded", state=state, secrets=secrets, transport=self.wire, audit=audit)

    def overheard(self, url: str) -> list[str]:
        """What requests to this address prove themselves with, from now on."""
        sent, plain = list[str](), self.wire.apps[url]

        async def listening(scope: Any, receive: Any, send: Any) -> None:
            sent.extend(value.decode() for name, value in scope["headers"] if name == b"authorization")
            await plain(scope, receive, send)

        self.wire.apps[url] = listening
        return sent

    async def serve(self, *toolsets: ToolsetName) -> None:
        """Start these tool servers."""
        for toolset in toolsets:
            settings = settings_for(toolset)
            door = create_server(settings, self.sidecar, toolset)
            await self._stack.enter_async_context(lifespan(door))
            self.wire.apps[settings.resource.removesuffix("/mcp")] = door

    async def restart(self, *toolsets: ToolsetName) -> None:
        """Start these tool servers anew, so that they learn the keys of another issuer."""
        await self._stack.aclose()
        await self.serve(*toolsets)

    async def start(self, profile: Profile | None = None, settings: Settings | None = None) -> ASGIApp:
        """Start the researcher, or one replica more of it; the last one that was started is the one that is found."""
        state = await self._stack.enter_async_context(SqliteState(self.folder / "state.db", "researcher"))
        door = create_app(settings or Settings(), self.sidecar_with(state), profile or load_profile(PROFILE))
        await self._stack.enter_async_context(lifespan(door))
        self.wire.apps[RESEARCHER] = door
        return door

    def http(self, scope: str = "agent:ask", resource: str = RESEARCHER) -> httpx2.AsyncClient:
        """Someone who asks, with a token for `resource`."""
        token = self.issuer.token(resource, scope, client_id="desk", subject="ada")
        return httpx2.AsyncClient(transport=self.wire, headers={"authorization": f"Bearer {token}"}, timeout=10)

    async def ask(self, text: str, http: httpx2.AsyncClient | None = None) -> dict[str, Any]:
        """The answer as JSON, to somebody new if nobody is given."""
        answer = await (http or self.http()).post(f"{RESEARCHER}/ask", json={"input": text})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def note(self, name: str, text: str) -> None:
        """Ada writes a note, through the door."""
        arguments = {"name": name, "text": text}
        params = {"name": "write_note", "arguments": arguments}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        async with self.http("mcp:write", f"{NOTES}/mcp") as http:
            answer = await http.post(f"{NOTES}/mcp", json=call, headers={"accept": "application/json"})
        assert answer.json()["result"]["isError"] is False, answer.text

    async def aclose(self) -> None:
        """Stop everything."""
        await self._stack.aclose()
        await self.state.aclose()


@asynccontextmanager
async def lifespan(door: ASGIApp) -> AsyncGenerator[None]:
    """One app's lifespan, as a server runs it."""
    asked: asyncio.Queue[Message] = asyncio.Queue()
    said: asyncio.Queue[Message] = asyncio.Queue()

    async def send(message: Any) -> None:
        await said.put(message)

    async def serve() -> None:
        await door({"type": "lifespan", "state": {}}, asked.get, send)

    serving = asyncio.create_task(serve())
    await asked.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await asked.put({"type": "lifespan.shutdown"})
        await serving


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reaches a model by accident, or remembers what another one said."""
    monkeypatch.setenv("DACA_DATA", str(tmp_path))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    """A world with notes and clock; the researcher is not up yet."""
    made = World(tmp_path)
    await made.serve("notes", "clock")
    yield made
    await made.aclose()


@pytest.fixture
async def endpoint() -> AsyncGenerator[Endpoint]:
    """A language model."""
    async with serving(Endpoint()) as made:
        yield made
