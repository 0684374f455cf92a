"""What the story is told with: the running system, one HTTP client, and the few requests that it makes by hand."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import httpx2

from cli.errors import Failure
from cli.settings import Settings
from cli.system import System
from cli.verify import decode
from oauth_client import Credentials, PrivateKey
from sidecar.connect import Sidecar

_REVISION: Final = "2026-07-28"
_ABOUT: Final = {
    "io.modelcontextprotocol/protocolVersion": _REVISION,
    "io.modelcontextprotocol/clientInfo": {"name": "daca", "version": "0.1.0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(kw_only=True)
class Stage:
    """The system that runs, and what the steps leave for later ones. Tokens are never shown."""

    system: System
    settings: Settings
    researcher: Sidecar
    http: httpx2.AsyncClient
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    clients: dict[str, Credentials] = field(default_factory=dict[str, Credentials], repr=False)
    tokens: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    log: Path
    courier: PrivateKey | None
    bearers: dict[str, httpx2.AsyncClient] = field(default_factory=dict[str, httpx2.AsyncClient], repr=False)

    def bearing(self, name: str) -> httpx2.AsyncClient:
        """A client that carries a token of the stage, as whoever fetched it by themselves would."""
        if name not in self.bearers:
            headers = {"Authorization": f"Bearer {self.tokens[name]}"}
            self.bearers[name] = httpx2.AsyncClient(headers=headers, timeout=120, trust_env=False)
        return self.bearers[name]

    async def aclose(self) -> None:
        """Close the clients that carry tokens."""
        for http in self.bearers.values():
            await http.aclose()

    def audit(self) -> list[dict[str, Any]]:
        """What every app has told of its decisions so far: the JSON lines of the log."""
        told: list[dict[str, Any]] = []
        for line in self.log.read_text(encoding="utf-8").splitlines():
            _, _, said = line.partition(" | ")
            if said.startswith('{"outcome"'):
                told.append(cast("dict[str, Any]", json.loads(said)))
        return told

    def url(self, name: str) -> str:
        """The canonical URL of an app."""
        return next(app.url for app in self.system.plan.apps if app.name == name)

    @property
    def issuer(self) -> str:
        """The issuer's identifier."""
        return self.system.plan.issuer

    async def document(self, url: str) -> dict[str, Any]:
        """A JSON document. Raises Failure."""
        answer = await self.http.get(url)
        if not answer.is_success:
            raise Failure(f"{url} answered {answer.status_code}")
        return cast("dict[str, Any]", answer.json())

    async def ask_mcp(
        self, url: str, method: str, params: Mapping[str, Any] | None = None, *, token: str | None = None
    ) -> httpx2.Response:
        """One JSON-RPC request as the newest revision has it, with this token or with none."""
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": _REVISION,
            "Mcp-Method": method,
        }
        if params and "name" in params:
            headers["Mcp-Name"] = str(params["name"])
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**(params or {}), "_meta": _ABOUT}}
        return await self.http.post(url, json=body, headers=headers)

    def claims(self, name: str) -> dict[str, Any]:
        """What a token says, for showing."""
        return decode(self.tokens[name])[1]


def result_of(answer: httpx2.Response) -> dict[str, Any]:
    """The result of a JSON-RPC answer, whether it came as JSON or as one event. Empty when there is none."""
    text = answer.text
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        text = next((line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")), "{}")
    try:
        return cast("dict[str, Any]", json.loads(text).get("result") or {})
    except (ValueError, AttributeError):
        return {}
