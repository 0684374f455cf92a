"""What a cluster refuses, each by the part that must: Dapr's policies, RBAC, PodSecurity, the apps themselves."""

import json
import time

import pytest

from tests.k8s.conftest import AGENTS, APPS, Document, System

pytestmark = [pytest.mark.needs("kubernetes")]
FORM = "content-type=application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("caller", "method", "path"),
    [
        ("clock", "POST", "notes/method/mcp"),
        ("clock", "POST", "auth-server/method/token"),
        ("notes", "POST", "auth-server/method/token"),
        ("notes", "POST", "clock/method/mcp"),
        ("notes", "GET", "researcher/method/healthz"),
        ("researcher", "POST", "auth-server/method/register"),
        ("researcher", "POST", "auth-server/method/introspect"),
        ("researcher", "DELETE", "auth-server/method/token"),
        ("researcher", "GET", "notes/method/healthz"),
    ],
)
def test_a_sidecar_lets_no_app_do_what_the_table_does_not_name(
    daca: System, caller: str, method: str, path: str
) -> None:
    answer = daca.inside(caller, "ask.py", method, f"sidecar:/v1.0/invoke/{path}", "{}" if method == "POST" else "")
    assert answer["status"] == 403, answer
    assert f"spiffe://public/ns/daca/{caller}" in answer["text"]


def test_a_sidecar_lets_through_what_the_table_names(daca: System) -> None:
    for caller in ("notes", "clock", "concierge", "researcher", "scribe"):
        assert (
            daca.inside(caller, "ask.py", "GET", "sidecar:/v1.0/invoke/auth-server/method/jwks.json")["status"] == 200
        )


@pytest.mark.parametrize(
    ("app", "secret"),
    [
        ("researcher", "auth-server-kek"),
        ("researcher", "client-operator"),
        ("researcher", "statestore"),
        ("researcher", "researcher-sidecar"),
        ("auth-server", "redis"),
        ("auth-server", "statestore"),
    ],
)
def test_a_secret_outside_the_apps_scope_is_refused_by_its_sidecar(daca: System, app: str, secret: str) -> None:
    answer = daca.inside(app, "ask.py", "GET", f"sidecar:/v1.0/secrets/secretstore/{secret}")
    assert answer["status"] == 403, answer


def test_an_apps_own_secret_is_given(daca: System) -> None:
    answer = daca.inside("researcher", "ask.py", "GET", "sidecar:/v1.0/secrets/secretstore/client-researcher")
    assert answer["status"] == 200
    assert json.loads(answer["text"]) == daca.kubectl.secret("client-researcher")


@pytest.mark.parametrize("app", ["notes", "clock", "concierge", "researcher", "scribe"])
def test_no_account_may_read_another_apps_secret_of_the_api_server(daca: System, app: str) -> None:
    others = [f"client-{agent}" for agent in AGENTS if agent != app]
    for secret in ("auth-server-kek", "client-operator", "redis", "auth-server-sidecar", *others):
        who = f"--as=system:serviceaccount:daca:{app}"
        assert daca.kubectl.run("auth", "can-i", "get", f"secret/{secret}", who).stdout.strip() == "no"
        assert daca.kubectl.run("auth", "can-i", "list", "secrets", who).stdout.strip() == "no"


def test_an_app_holds_no_token_for_the_api_server(daca: System) -> None:
    for app in APPS:
        folder = "/var/run/secrets/kubernetes.io"
        done = daca.kubectl.run("exec", f"deployment/{app}", "--container", "app", "--", "ls", folder)
        assert done.returncode != 0, app


def test_a_sidecar_answers_nobody_without_its_token(daca: System) -> None:
    for path in ("secrets/secretstore/client-researcher", "invoke/notes/method/mcp", "state/statestore/x"):
        answer = daca.inside("researcher", "ask.py", "GET", f"http://127.0.0.1:3500/v1.0/{path}")
        assert answer["status"] == 401


def test_a_sidecar_is_no_proxy_to_the_network(daca: System) -> None:
    target = "http://redis:6379"
    answer = daca.inside("researcher", "ask.py", "GET", f"sidecar:/v1.0/invoke/{target}/method/x")
    assert answer["status"] in {400, 403, 404, 500}
    assert "ERR wrong number" not in answer["text"]


def test_a_sidecars_apis_are_those_of_its_app_alone(daca: System) -> None:
    for path in ("state/statestore/x", "secrets/secretstore/client-operator", "metadata"):
        assert daca.inside("clock", "ask.py", "GET", f"sidecar:/v1.0/{path}")["status"] in {403, 404}


@pytest.mark.parametrize("app", APPS)
def test_an_app_publishes_what_it_decided_and_nothing_else(daca: System, app: str) -> None:
    for topic, status in (("audit", 204), ("secrets", 403), ("audit2", 403)):
        answer = daca.inside(app, "ask.py", "POST", f"sidecar:/v1.0/publish/events/{topic}", "{}")
        assert answer["status"] == status, (topic, answer)


@pytest.mark.parametrize("app", APPS)
def test_a_sidecar_is_as_closed_by_grpc_as_by_http(daca: System, app: str) -> None:
    said = daca.inside(app, "by_grpc.py")
    closed = "UNIMPLEMENTED"
    assert [name for name, answer in said.items() if not answer.startswith(closed)] == (
        ["GetState"] if app in AGENTS else []
    )


def test_a_sidecar_is_not_to_be_reached_from_another_pod(daca: System) -> None:
    (pod,) = daca.kubectl.json("get", "pods", "--selector", "app.kubernetes.io/name=notes")["items"]
    answer = daca.beside("ask.py", "GET", f"http://{pod['status']['podIP']}:3500/v1.0/healthz")
    assert answer["status"] == 0


def test_a_namespace_other_than_ours_is_refused_whatever_its_app_is_called(daca: System) -> None:
    """An app-id is worth nothing without its namespace: the SPIFFE id carries both."""
    control = daca.kubectl.json("get", "configuration.dapr.io", "notes")["spec"]["accessControl"]
    assert {policy["namespace"] for policy in control["policies"]} == {"daca"}


@pytest.mark.parametrize("resource", ["clock", "researcher"])
def test_a_token_for_one_resource_is_refused_by_another(daca: System, operator: tuple[str, str], resource: str) -> None:
    form = f"grant_type=client_credentials&resource=http://localhost:8000/mcp&client_id={operator[0]}&client_secret={operator[1]}"
    token = json.loads(daca.beside("ask.py", "POST", "http://auth-server.daca:9000/token", form, FORM)["text"])[
        "access_token"
    ]
    url = {"clock": "http://clock.daca:8001/mcp", "researcher": "http://researcher.daca:8011/ask"}[resource]
    headers = (
        "content-type=application/json",
        f"authorization=Bearer {token}",
        f"host=localhost:{url.split(':')[2][:4]}",
    )
    answer = daca.beside("ask.py", "POST", url, "{}", *headers)
    assert answer["status"] == 401, answer
    assert 'error="invalid_token"' in {k.lower(): v for k, v in answer["headers"].items()}["www-authenticate"]


def test_a_pod_under_another_account_gets_no_token(daca: System) -> None:
    """Its own projected token has the right audience, and is of an account that stands for no client."""
    script = "import sys,urllib.parse;print(urllib.parse.urlencode({'grant_type':'client_credentials','client_id':'researcher','resource':'http://localhost:8000/mcp','client_assertion_type':'urn:ietf:params:oauth:client-assertion-type:jwt-bearer','client_assertion':open('/identity/token').read()}))"
    form = daca.outside("exec", "pod/prober", "--", "python", "-c", script).strip()
    answer = daca.beside("ask.py", "POST", "http://auth-server.daca:9000/token", form, FORM)
    assert (answer["status"], json.loads(answer["text"])["error"]) == (401, "invalid_client")


def _bare(daca: System, app: str) -> Document:
    """The pod of an app, as it is when the injector was away: without annotations, so without a sidecar."""
    template = daca.kubectl.json("get", "deployment", app)["spec"]["template"]
    spec = template["spec"] | {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{app}-bare"}, "spec": spec}


@pytest.mark.parametrize("app", ["auth-server", "notes", "researcher"])
def test_a_pod_without_its_sidecar_never_starts_to_serve(daca: System, app: str) -> None:
    daca.kubectl("delete", "pod", f"{app}-bare", "--ignore-not-found", "--wait")
    daca.kubectl.apply(_bare(daca, app))
    try:
        daca.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", f"pod/{app}-bare", "--timeout=60s")
        said = daca.kubectl("logs", f"{app}-bare")
        assert "there is no sidecar" in said
        assert "running on" not in said
    finally:
        daca.kubectl("delete", "pod", f"{app}-bare", "--wait=false")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"securityContext": {"runAsUser": 0, "runAsNonRoot": False}},
        {"hostNetwork": True},
        {"volumes": [{"name": "tmp", "hostPath": {"path": "/"}}]},
    ],
)
def test_the_namespace_takes_no_pod_with_more_rights_than_ours(daca: System, spoilt: Document) -> None:
    pod = _bare(daca, "notes")
    pod["spec"] |= spoilt
    refused = daca.kubectl.run("apply", "--dry-run=server", "--filename", "-", stdin=json.dumps(pod))
    assert refused.returncode != 0
    assert 'violates PodSecurity "restricted' in refused.stderr


def test_nothing_in_a_log_is_a_secret(daca: System) -> None:
    """After all of the above: no secret of the namespace stands in any log of any app or sidecar."""
    secrets = {
        value
        for item in daca.kubectl.json("get", "secrets")["items"]
        for value in daca.kubectl.secret(item["metadata"]["name"]).values()
    }
    time.sleep(0)
    for app in APPS:
        for pod in daca.kubectl.pods(app):
            said = daca.kubectl("logs", pod, "--all-containers", "--tail=-1")
            assert not [value for value in secrets if value in said], pod
