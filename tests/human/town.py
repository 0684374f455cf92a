"""An authorization server and the notes, as processes of their own, over one folder."""

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.human.story import Place
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 90
USER, PASSWORD = "ada", "ada's long password"


@dataclass(frozen=True, kw_only=True)
class Town:
    """Where everything is. `operator` may ask whether tokens of the notes are active, `scribe` may ask people."""

    place: Place
    folder: Path
    operator: tuple[str, str] = field(repr=False)
    log: Path
    scribe: tuple[str, str] = field(default=("", ""), repr=False)

    def logged(self) -> list[dict[str, object]]:
        """What the processes wrote."""
        lines = self.log.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line.startswith("{")]


def furnish(folder: Path, resource: str) -> tuple[str, str]:
    """identity.yaml as it is shipped, with the notes at another address, a person, and secrets for all."""
    text = (ROOT / "identity.yaml").read_text(encoding="utf-8").replace("http://localhost:8000/mcp", resource)
    text = text.replace("    signing_alg: ES256\n", "    signing_alg: ES256\n    introspection: [operator]\n", 1)
    users = f"\nusers:\n  - {{ name: {USER}, subject: u-ada, secret: user-ada }}\n"
    (folder / "identity.yaml").write_text(text + users, encoding="utf-8")
    operator = secrets.token_urlsafe(32)
    book = {
        "auth-server-kek": {"kek": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")},
        "client-operator": {"secret": operator},
        "client-researcher": {"secret": secrets.token_urlsafe(32)},
        "client-scribe": {"secret": secrets.token_urlsafe(32)},
        "user-ada": {"password": PASSWORD},
    }
    path = folder / "secrets.json"
    path.write_text(json.dumps(book), encoding="utf-8")
    path.chmod(0o600)
    return ("operator", operator)


@contextmanager
def town(folder: Path, **notes: str) -> Generator[Town]:
    """The whole of it, until the end of the block; `notes` are more variables of theirs."""
    issuer, resource = f"http://localhost:{free_port()}", f"http://localhost:{free_port()}/mcp"
    operator = furnish(folder, resource)
    log = folder / "log"
    with ExitStack() as stack:
        stack.enter_context(process(("auth_server",), environment(folder, issuer), log))
        more = {**environment(folder, issuer, port=port_of(resource)), "DACA_RESOURCE": resource, **notes}
        stack.enter_context(process(("mcp_server", "notes"), more, log))
        place = Place(issuer=issuer, resource=resource, user=USER, password=PASSWORD)
        scribe = json.loads((folder / "secrets.json").read_text(encoding="utf-8"))["client-scribe"]["secret"]
        yield Town(place=place, folder=folder, operator=operator, log=log, scribe=("scribe", scribe))


def environment(folder: Path, issuer: str, *, port: int | None = None) -> dict[str, str]:
    """What a process is told; `port` where it is not the issuer's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DACA_", "DAPR_"))}
    ours = {
        "ISSUER": issuer,
        "DATA": str(folder),
        "IDENTITY": str(folder / "identity.yaml"),
        "PORT": str(port or port_of(issuer)),
        "FETCH_LOOPBACK": "true",
    }
    return {**kept, **{f"DACA_{name}": value for name, value in ours.items()}}


def port_of(url: str) -> int:
    return int(url.split("/")[2].rpartition(":")[2])


@contextmanager
def process(module: tuple[str, ...], environ: Mapping[str, str], log: Path) -> Generator[None]:
    """One app, from when it answers until the block ends."""
    with (
        log.open("ab") as written,
        subprocess.Popen([sys.executable, "-m", *module], cwd=ROOT, env=dict(environ), stderr=written) as running,
    ):
        try:
            _answers(f"http://127.0.0.1:{environ['DACA_PORT']}/healthz", running, log)
            yield
        finally:
            running.terminate()


def _answers(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end and running.poll() is None:
        try:
            if httpx2.get(url, trust_env=False).status_code == 200:
                return
        except httpx2.HTTPError:
            time.sleep(0.05)
    pytest.fail("it did not start: " + log.read_text(encoding="utf-8")[-2000:])
