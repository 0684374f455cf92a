"""Administration against the cluster: `daca` in the server's pod, and secrets that change under traffic."""

import json
import secrets
import time

import pytest

from tests.k8s.conftest import System

pytestmark = [pytest.mark.needs("kubernetes")]


def _daca(daca: System, *arguments: str) -> str:
    return daca.kubectl("exec", "deployment/auth-server", "--container", "app", "--", "daca", *arguments)


def _keys(daca: System) -> set[str]:
    answer = daca.beside("ask.py", "GET", "http://auth-server.daca:9000/jwks.json")
    return {key["kid"] for key in json.loads(answer["text"])["keys"]}


def test_keys_are_rotated_with_overlap_while_tokens_are_in_use(daca: System, operator: tuple[str, str]) -> None:
    before = _keys(daca)
    targets = ("token=http://auth-server.daca:9000/token", "list=http://notes.daca:8000/mcp")
    with daca.traffic("pod/prober", "direct", *operator, *targets) as stop:
        _daca(daca, "keys", "rotate")
        time.sleep(5)
        found = stop()
    assert found["failed"] == 0, found
    after = _keys(daca)
    assert after - before
    assert after & before


def test_a_client_is_added_listed_and_disabled(daca: System) -> None:
    name = f"probe-{secrets.token_hex(3)}"
    said = _daca(daca, "client", "add", name, "--resource", "http://localhost:8000/mcp", "--scope", "mcp:read")
    assert name in said
    assert name in _daca(daca, "client", "list")
    _daca(daca, "client", "disable", name)


def test_a_secret_is_rotated_without_losing_a_request(daca: System, operator: tuple[str, str]) -> None:
    """Both values count while `previous` is there; the server reads again when it meets one it does not know."""
    client_id, old = operator
    new = secrets.token_urlsafe(32)
    targets = ("token=http://auth-server.daca:9000/token",)
    with daca.traffic("pod/prober", "direct", client_id, old, *targets) as stop:
        patch = {"stringData": {"secret": new, "previous": old}}
        daca.kubectl("patch", "secret", "client-operator", "--patch", json.dumps(patch))
        with daca.traffic("pod/prober", "direct", client_id, new, *targets) as stop_new:
            time.sleep(5)
            with_new = stop_new()
        with_old = stop()
    assert (with_old["failed"], with_new["failed"]) == (0, 0), (with_old, with_new)
