"""The same system with its state in PostgreSQL: kept when everything that keeps it is killed.

Runs late: it deploys another overlay, and takes it back."""

import json
import secrets
from collections.abc import Generator

import pytest

from tests.k8s.conftest import System

pytestmark = [pytest.mark.needs("kubernetes")]
STATEFUL = ("auth-server", "notes", "concierge", "researcher", "scribe")
FORM = "content-type=application/x-www-form-urlencoded"
NOTES = "http://localhost:8000/mcp"


def _restarted(daca: System, overlay: str) -> None:
    daca.deploy(overlay)
    daca.kubectl("rollout", "restart", *(f"deployment/{app}" for app in STATEFUL))
    daca.kubectl.ready(*STATEFUL)


@pytest.fixture(scope="module")
def relational(daca: System) -> Generator[System]:
    """The overlay with PostgreSQL, its apps started on it."""
    daca.kubectl("apply", "--kustomize", "k8s/overlays/kind-postgresql")
    daca.kubectl("rollout", "status", "statefulset/postgresql", "--timeout=180s")
    _restarted(daca, "kind-postgresql")
    yield daca
    _restarted(daca, "kind")
    daca.kubectl("delete", "statefulset/postgresql", "service/postgresql", "--wait")


def _rows(daca: System) -> int:
    said = daca.kubectl(
        "exec", "postgresql-0", "--", "psql", "--username=daca", "--tuples-only", "--command=select count(*) from state"
    )
    return int(said)


def _keys(daca: System) -> set[str]:
    answer = daca.beside("ask.py", "GET", "http://auth-server.daca:9000/jwks.json")
    return {key["kid"] for key in json.loads(answer["text"])["keys"]}


def _token(daca: System, client: tuple[str, str]) -> str:
    form = f"grant_type=client_credentials&scope=mcp:write&resource={NOTES}"
    form += f"&client_id={client[0]}&client_secret={client[1]}"
    answer = daca.beside("ask.py", "POST", "http://auth-server.daca:9000/token", form, FORM)
    assert answer["status"] == 200, answer
    return json.loads(answer["text"])["access_token"]


def test_what_was_answered_outlives_the_database_and_every_app(relational: System, operator: tuple[str, str]) -> None:
    daca, name = relational, f"kept-{secrets.token_hex(4)}"
    call = {"name": "write_note", "arguments": {"name": name, "text": "kept in PostgreSQL"}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
    headers = (f"authorization=Bearer {_token(daca, operator)}", "content-type=application/json", "host=localhost:8000")
    written = daca.beside(
        "ask.py", "POST", "http://notes.daca:8000/mcp", body, *headers, "accept=application/json, text/event-stream"
    )
    assert written["status"] == 200, written
    keys, rows = _keys(daca), _rows(daca)
    assert rows > 0
    daca.kubectl("delete", "pod", "postgresql-0", "--grace-period=0", "--force", "--wait")
    daca.kubectl("rollout", "status", "statefulset/postgresql", "--timeout=120s")
    for app in STATEFUL:
        daca.kubectl("delete", "pods", "--selector", f"app.kubernetes.io/name={app}", "--grace-period=0", "--force")
    daca.kubectl.ready(*STATEFUL)
    assert _keys(daca) == keys
    assert _rows(daca) >= rows
    assert name in daca.notes()
