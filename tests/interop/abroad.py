"""A foreign authorization server (node-oidc-provider) and a foreign MCP server (TypeScript SDK)."""

import secrets
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_port

CLIENT = "voyager"


@dataclass(frozen=True, kw_only=True)
class Abroad:
    """Nothing here is ours: an issuer, its one client, and an MCP server that trusts it."""

    issuer: str
    resource: str
    secret: str = field(repr=False)


@contextmanager
def abroad(node: str, peers: Path) -> Generator[Abroad]:
    """Both, until the end of the block."""
    issuer_port, server_port, secret = str(free_port()), str(free_port()), secrets.token_urlsafe(32)
    place = Abroad(
        issuer=f"http://localhost:{issuer_port}", resource=f"http://localhost:{server_port}/mcp", secret=secret
    )
    issuing = [node, str(peers / "foreign_issuer.mjs"), issuer_port, CLIENT, secret, "tides:read tides:write agent:ask"]
    serving = [node, str(peers / "foreign_server.mjs"), server_port, place.issuer]
    with _started(issuing), _started(serving):
        yield place


@contextmanager
def _started(command: list[str]) -> Generator[None]:
    """From when it says that it listens."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == b"listening\n", command
            yield
        finally:
            running.terminate()
