"""An agent with no secret of its own, and no secret store, gets a token and calls a tool.

Runs last: it deploys another overlay, and takes it back."""

import base64
import json
import os
import shlex
import subprocess
import time
import urllib.parse
from contextlib import suppress

import pytest

from tests.k8s.conftest import AGENTS, APPS, Document, System

pytestmark = [pytest.mark.needs("kubernetes")]
ISSUER = "http://localhost:9000"
NOTES = "http://localhost:8000/mcp"
FORM = "content-type=application/x-www-form-urlencoded"
TOKEN = "http://auth-server.daca:9000/token"
BY_SIDECAR = "sidecar:/v1.0/invoke/auth-server/method/token"


@pytest.fixture(scope="module")
def secretless(daca: System):
    """The overlay in which agents have no secret; the one they had is deleted."""
    daca.deploy("kind-secretless")
    changed = ("auth-server", *AGENTS)
    daca.kubectl("rollout", "restart", *(f"deployment/{app}" for app in changed))
    daca.kubectl.ready(*changed)
    daca.kubectl("delete", "secret", *(f"client-{agent}" for agent in AGENTS), "--ignore-not-found")
    yield daca
    daca.deploy("kind")
    daca.kubectl("rollout", "restart", *(f"deployment/{app}" for app in changed))
    daca.kubectl.ready(*changed)


def _assertion(daca: System, account: str, audience: str, duration: str = "10m") -> str:
    return daca.kubectl("create", "token", account, f"--audience={audience}", f"--duration={duration}").strip()


def _form(assertion: str) -> str:
    return urllib.parse.urlencode({
        "grant_type": "client_credentials", "client_id": "researcher", "resource": NOTES, "client_assertion": assertion,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    })  # fmt: skip


def _ask(daca: System, assertion: str) -> tuple[int, Document]:
    """Through the agent's own sidecar, so that what is refused is the assertion."""
    answer = daca.inside("researcher", "ask.py", "POST", BY_SIDECAR, _form(assertion), FORM)
    return answer["status"], json.loads(answer["text"])


def test_the_agent_has_no_secret_of_its_own_anywhere(secretless: System) -> None:
    template = secretless.kubectl.json("get", "deployment", "researcher")["spec"]["template"]["spec"]
    names = {v["name"] for v in template["containers"][0]["env"] if "secretKeyRef" in v.get("valueFrom", {})}
    assert names == {"DAPR_API_TOKEN", "APP_API_TOKEN"}  # between the app and its own sidecar, worth nothing elsewhere
    assert not [volume for volume in template["volumes"] if "secret" in volume]
    assert secretless.kubectl.run("get", "secret", "client-researcher").returncode != 0


def test_the_agent_has_no_access_to_the_secret_store(secretless: System) -> None:
    for secret in ("client-researcher", "client-operator", "auth-server-kek"):
        answer = secretless.inside("researcher", "ask.py", "GET", f"sidecar:/v1.0/secrets/secretstore/{secret}")
        assert answer["status"] in {403, 404}, answer


def test_the_agent_gets_a_token_and_calls_a_tool(secretless: System) -> None:
    found = secretless.inside("researcher", "agent.py", "researcher", NOTES, "list_notes", "{}")
    assert found["error"] is False
    assert found["scopes"] == ["mcp:read"]


def test_the_agents_account_is_its_identity(secretless: System) -> None:
    status, answer = _ask(secretless, _assertion(secretless, "researcher", ISSUER))
    assert status == 200, answer
    claims = json.loads(base64.urlsafe_b64decode(answer["access_token"].split(".")[1] + "=="))
    assert claims["client_id"] == "researcher"


def test_its_token_is_good_again_from_its_own_sidecar_and_a_copy_of_it_nowhere(secretless: System) -> None:
    """The kubelet keeps one token for minutes: its own app uses it again, and whoever else sends it is refused."""
    token = secretless.kubectl(
        "exec", "deployment/researcher", "--container", "app", "--", "cat", "/var/run/daca/identity/token"
    ).strip()
    assert [_ask(secretless, token)[0] for _ in range(3)] == [200, 200, 200]
    forged = ("dapr-caller-app-id=researcher", "dapr-caller-namespace=daca", "dapr-api-token=guessed")
    for headers in ((), forged):
        copied = secretless.beside("ask.py", "POST", TOKEN, _form(token), FORM, *headers)
        assert (copied["status"], json.loads(copied["text"])["error"]) == (401, "invalid_client")
    other = secretless.inside("notes", "ask.py", "POST", BY_SIDECAR, _form(token), FORM)
    assert other["status"] == 403, other  # that sidecar may not come here at all
    assert "access_token" not in other["text"]


@pytest.mark.parametrize("account", ["notes", "default"])
def test_another_account_is_an_invalid_client(secretless: System, account: str) -> None:
    status, answer = _ask(secretless, _assertion(secretless, account, ISSUER))
    assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("audience", ["https://kubernetes.default.svc", "http://localhost:9000/", NOTES])
def test_a_token_for_another_audience_is_an_invalid_client(secretless: System, audience: str) -> None:
    status, answer = _ask(secretless, _assertion(secretless, "researcher", audience))
    assert (status, answer["error"]) == (401, "invalid_client")


def test_the_same_pod_under_another_account_is_an_invalid_client(secretless: System) -> None:
    """The pod outside has the audience right and the file in place; its account stands for nobody."""
    assertion = secretless.outside("exec", "pod/prober", "--", "cat", "/identity/token").strip()
    status, answer = _ask(secretless, assertion)
    assert (status, answer["error"]) == (401, "invalid_client")


def test_a_tampered_token_is_an_invalid_client(secretless: System) -> None:
    head, body, signature = _assertion(secretless, "notes", ISSUER).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["sub"] = "system:serviceaccount:daca:researcher"
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    assert _ask(secretless, f"{head}.{body}.{signature}")[1]["error"] == "invalid_client"


ROTATED = pytest.mark.skipif("DACA_KEYS_ROTATOR" not in os.environ, reason="DACA_KEYS_ROTATOR names no command")


@pytest.fixture(scope="module")
def first(secretless: System) -> str:
    """A token of the researcher's account by the cluster's first key, good for longer than the rotation takes."""
    return _assertion(secretless, "researcher", ISSUER, "40m")


def _rotate(step: str) -> None:
    subprocess.run([*shlex.split(os.environ["DACA_KEYS_ROTATOR"]), step], check=True, timeout=600)


def _comes_to(daca: System, status: int, token: str, *others: str) -> bool:
    """Whether it is answered so within two minutes: the server asks for the cluster's keys at most every ten seconds.

    A sidecar may have begun anew with the API server, and answers nothing until its components are loaded.
    """
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with suppress(json.JSONDecodeError):
            for other in others:
                _ask(daca, other)
            if _ask(daca, token)[0] == status:
                return True
        time.sleep(1)
    return False


@ROTATED
def test_the_clusters_own_keys_are_rotated_and_both_count(secretless: System, first: str) -> None:
    """The command gives the API server a second key, with which it signs from then on; the first stays published."""
    before = first
    assert _ask(secretless, before)[0] == 200
    _rotate("add")
    after = _assertion(secretless, "researcher", ISSUER)
    assert _kid(after) != _kid(before)
    # A server that has just met a key it does not know, while the API server began anew, is away for it for a moment.
    assert _comes_to(secretless, 200, after)
    assert [_ask(secretless, token)[0] for token in (before, after, before, after)] == [200] * 4
    found = secretless.inside("researcher", "agent.py", "researcher", NOTES, "list_notes", "{}")
    assert found["error"] is False


@ROTATED
def test_the_first_key_removed_ends_its_tokens_and_no_others(secretless: System, first: str) -> None:
    """In order: every pod begins anew, with a token of the second key, and then the first is published no more."""
    daca = secretless
    before, last = first, _assertion(daca, "researcher", ISSUER)
    assert _kid(before) != _kid(last)
    daca.kubectl("rollout", "restart", "deployment")
    daca.kubectl.ready(*APPS)
    assert _comes_to(daca, 200, before)
    _rotate("drop")
    # What names a key that nobody has makes the server look again; without it, it would within ten minutes.
    assert _comes_to(daca, 401, before, _of_no_key(last))
    assert _ask(daca, before)[1]["error"] == "invalid_client"
    assert _ask(daca, _assertion(daca, "researcher", ISSUER))[0] == 200
    found = daca.inside("researcher", "agent.py", "researcher", NOTES, "list_notes", "{}")
    assert found["error"] is False


def _of_no_key(token: str) -> str:
    _, body, signature = token.split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"nobody-has-it"}').decode().rstrip("=")
    return f"{head}.{body}.{signature}"


def _kid(token: str) -> str:
    head = token.split(".", maxsplit=1)[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]
