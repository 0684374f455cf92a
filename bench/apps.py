"""Our own apps, embedded, as they run anywhere: a folder of their own, first-run secrets, free ports."""

import base64
import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from bench.load import request
from bench.machine import free_port
from sidecar.secrets_file import SecretsFile

App: TypeAlias = Literal["auth-server", "notes", "clock", "researcher"]
MODULES: dict[App, tuple[str, ...]] = {
    "auth-server": ("auth_server",),
    "notes": ("mcp_server", "notes"),
    "clock": ("mcp_server", "clock"),
    "researcher": ("daca_agents", "researcher"),
}
CLIENT = "bench"


@dataclass(frozen=True, kw_only=True)
class House:
    """One system on free ports: who is where, and the one client that may do everything."""

    data: Path
    ports: dict[App, int]
    secret: str

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.ports['auth-server']}"

    def resource(self, app: App) -> str:
        """The app's own name."""
        return f"http://localhost:{self.ports[app]}" + ("" if app == "researcher" else "/mcp")

    def command(self, app: App) -> list[str]:
        return [sys.executable, "-m", *MODULES[app]]

    def environ(self, app: App) -> dict[str, str]:
        own = {} if app == "auth-server" else {"DACA_RESOURCE": self.resource(app)}
        return {
            "DACA_ISSUER": self.issuer,
            "DACA_DATA": str(self.data),
            "DACA_IDENTITY": str(self.data / "identity.yaml"),
            "DACA_PORT": str(self.ports[app]),
            # One client asks as fast as it can: that is the measurement.
            "DACA_CALLS_PER_SECOND": "0",
            **own,
        }

    def token_request(self, app: App = "notes", *, scope: str = "mcp:read") -> bytes:
        """A client-credentials request, client_secret_basic, one resource. RFC 6749 §4.4, RFC 8707 §2.2."""
        return token_request(self.ports["auth-server"], self.secret, self.resource(app), scope)


def token_request(port: int, secret: str, resource: str, scope: str) -> bytes:
    """The same bytes for every authorization server."""
    basic = base64.b64encode(f"{CLIENT}:{secret}".encode()).decode()
    form = {"grant_type": "client_credentials", "scope": scope, "resource": resource}
    body = "&".join(f"{key}={value.replace(':', '%3A').replace('/', '%2F')}" for key, value in form.items())
    headers = {
        "Authorization": f"Basic {basic}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    return request("POST", f"localhost:{port}", "/token", headers, body.encode())


def build(folder: Path) -> House:
    """Lay out a house: its identity file and its secrets."""
    house = House(data=folder, ports={app: free_port() for app in MODULES}, secret=secrets.token_urlsafe(32))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "identity.yaml").write_text(json.dumps(_identity(house), indent=2), encoding="utf-8")
    file = SecretsFile(folder / "secrets.json")
    file.put("auth-server-kek", {"kek": base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()})
    file.put(f"client-{CLIENT}", {"secret": house.secret})
    file.put("client-researcher", {"secret": secrets.token_urlsafe(32)})
    return house


def _identity(house: House) -> dict[str, object]:
    """ES256 for all of them: the algorithm of the comparison. YAML is a superset of what this becomes."""
    scopes = {"notes": ["mcp:read", "mcp:write", "mcp:delete"], "clock": ["mcp:read"], "researcher": ["agent:ask"]}
    apps: list[App] = ["notes", "clock", "researcher"]
    return {
        "version": 1,
        "scopes": {"mcp:write": {"implies": ["mcp:read"]}},
        "resources": [
            {
                "name": app,
                "uri": house.resource(app),
                "scopes": {scope: f"{scope} at {app}" for scope in scopes[app]},
                "default_scopes": scopes[app][:1],
                "token_lifetime": 300,
                "signing_alg": "ES256",
            }
            for app in apps
        ],
        "clients": [
            {
                "client_id": client,
                "client_name": client,
                "token_endpoint_auth_method": "client_secret_basic",
                "secret": f"client-{client}",
                "resources": {house.resource(app): scopes[app] for app in apps},
            }
            for client in (CLIENT, "researcher")
        ],
        "trusted_issuers": [],
    }
