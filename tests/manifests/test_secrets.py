"""Which app may read which secret: identity.yaml, Dapr's secret scopes, RBAC and the components agree."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
Document = dict[str, Any]
Documents = tuple[Document, ...]
OVERLAYS = ("base", "overlays/kind", "overlays/kind-secretless", "overlays/kind-postgresql", "overlays/production")
AUTH_SERVER = "auth-server"

pytestmark = pytest.mark.needs("kubectl")


def _of(documents: Documents, kind: str, name: str) -> Document | None:
    return next((d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name), None)


def _identity(documents: Documents) -> Document:
    found = _of(documents, "ConfigMap", "identity")
    assert found is not None
    return yaml.safe_load(found["data"]["identity.yaml"])


def _client_secrets(documents: Documents) -> dict[str, str]:
    return {c["client_id"]: c["secret"] for c in _identity(documents)["clients"] if "secret" in c}


def _scope(documents: Documents, app: str) -> tuple[str, list[str]]:
    """What the app may ask its sidecar for: the default, and the names."""
    configuration = _of(documents, "Configuration", app)
    assert configuration is not None
    (scope,) = configuration["spec"]["secrets"]["scopes"]
    assert scope["storeName"] == "secretstore"
    return scope["defaultAccess"], sorted(scope.get("allowedSecrets", ()))


def _role(documents: Documents, app: str) -> list[str]:
    """What the sidecar's account may read of the API server."""
    role = _of(documents, "Role", app)
    return sorted(role["rules"][0]["resourceNames"]) if role else []


def _loaded(documents: Documents, app: str) -> set[str]:
    """Secrets that the app's components are made with."""
    return {
        field["secretKeyRef"]["name"]
        for component in documents
        if component["kind"] == "Component" and app in component["scopes"]
        for field in component["spec"]["metadata"]
        if "secretKeyRef" in field
    }


def _apps(documents: Documents) -> list[str]:
    return [d["metadata"]["name"] for d in documents if d["kind"] == "Deployment"]


@pytest.mark.parametrize("folder", OVERLAYS)
def test_an_app_may_ask_for_exactly_its_own_secrets(folder: str, render: Callable[[str], Documents]) -> None:
    documents = render(folder)
    clients = _client_secrets(documents)
    for app in _apps(documents):
        own = {clients[app]} if app in clients else set[str]()
        wanted = {*clients.values(), "auth-server-kek"} if app == AUTH_SERVER else own
        assert _scope(documents, app) == ("deny", sorted(wanted)), app


@pytest.mark.parametrize("folder", OVERLAYS)
def test_a_sidecar_may_read_by_name_what_its_app_and_its_components_need_and_no_more(
    folder: str, render: Callable[[str], Documents]
) -> None:
    documents = render(folder)
    for app in _apps(documents):
        wanted = {*_scope(documents, app)[1], *_loaded(documents, app)}
        assert _role(documents, app) == sorted(wanted), app


@pytest.mark.parametrize("folder", OVERLAYS)
def test_only_an_app_with_secrets_or_stores_loads_the_secret_store(
    folder: str, render: Callable[[str], Documents]
) -> None:
    documents = render(folder)
    store = _of(documents, "Component", "secretstore")
    assert store is not None
    assert sorted(store["scopes"]) == sorted(app for app in _apps(documents) if _role(documents, app))


@pytest.mark.parametrize("folder", OVERLAYS)
def test_an_app_may_use_only_the_apis_it_needs(folder: str, render: Callable[[str], Documents]) -> None:
    documents = render(folder)
    for app in _apps(documents):
        configuration = _of(documents, "Configuration", app)
        assert configuration is not None
        allowed = {api["name"] for api in configuration["spec"]["api"]["allowed"]}
        assert ("secrets" in allowed) == bool(_scope(documents, app)[1]), app
        assert ("state" in allowed) == (app in _scopes(documents, "statestore")), app
        assert ("publish" in allowed) == (app in _scopes(documents, "events")), app
        assert allowed <= {"secrets", "state", "publish", "invoke", "shutdown"}, app


@pytest.mark.parametrize("folder", [*OVERLAYS, "overlays/mcpserver"])
def test_a_sidecar_is_closed_by_either_protocol(folder: str, render: Callable[[str], Documents]) -> None:
    """Dapr's list of a protocol that names nothing leaves all of that protocol's APIs open."""
    documents = render(folder)
    for app in _apps(documents):
        configuration = _of(documents, "Configuration", app)
        assert configuration is not None
        apis = configuration["spec"]["api"]["allowed"]
        by_grpc = {(api["name"], api["version"]) for api in apis if api["protocol"] == "grpc"}
        assert {api["protocol"] for api in apis} == {"http", "grpc"}, app
        assert by_grpc == ({("state", "v1")} if _is_agent(documents, app) else {("shutdown", "v1")}), app


def _scopes(documents: Documents, component: str) -> list[str]:
    found = _of(documents, "Component", component)
    return found["scopes"] if found else []


def test_the_development_overlay_makes_every_secret_that_anything_reads(render: Callable[[str], Documents]) -> None:
    for folder in ("overlays/kind", "overlays/kind-secretless", "overlays/kind-postgresql"):
        documents = render(folder)
        job = _of(documents, "Job", "make-secrets")
        assert job is not None
        (container,) = job["spec"]["template"]["spec"]["containers"]
        made = {v["name"]: v["value"].split() for v in container["env"]}
        assert {f"client-{client}" for client in made["CLIENTS"]} == set(_client_secrets(documents).values())
        assert sorted(made["APPS"]) == sorted(_apps(documents))


def test_the_production_overlay_asks_for_every_secret_that_anything_reads(render: Callable[[str], Documents]) -> None:
    documents = render("overlays/production")
    read = {name for app in _apps(documents) for name in _role(documents, app)}
    read |= {f"{app}-{side}" for app in _apps(documents) for side in ("sidecar", "app")}
    assert {d["metadata"]["name"] for d in documents if d["kind"] == "ExternalSecret"} == read


def test_every_overlays_identity_is_the_one_at_the_root_but_for_what_is_its_own() -> None:
    done = subprocess.run([ROOT / "scripts" / "identities", "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_secrets_every_agent_proves_itself_by_its_own_account_and_its_own_sidecar(
    render: Callable[[str], Documents],
) -> None:
    documents = render("overlays/kind-secretless")
    agents = [app for app in _apps(documents) if _is_agent(documents, app)]
    workloads = {c["client_id"]: c["workload"] for c in _identity(documents)["clients"] if "workload" in c}
    assert agents == ["concierge", "researcher", "scribe"]
    assert workloads == {
        app: {
            "issuer": "https://kubernetes.default.svc",
            "subject": f"system:serviceaccount:daca:{app}",
            "brought_by": f"{app}.daca",
        }
        for app in agents
    }


def _is_agent(documents: Documents, app: str) -> bool:
    deployment = _of(documents, "Deployment", app)
    assert deployment is not None
    return deployment["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "agent"


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_resource_has_a_route_and_is_served_under_its_own_name(
    folder: str, render: Callable[[str], Documents]
) -> None:
    documents = render(folder)
    settings = next(d["data"] for d in documents if d["kind"] == "ConfigMap" and "every-app" in d["metadata"]["name"])
    routes: dict[str, str] = json.loads(settings["DACA_ROUTES"])
    served = {
        variable["value"]
        for d in documents
        if d["kind"] == "Deployment"
        for variable in d["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"] == "DACA_RESOURCE"
    }
    resources = {resource["uri"] for resource in _identity(documents)["resources"]}
    assert served == resources
    assert {uri.removesuffix("/mcp") for uri in resources} | {settings["DACA_ISSUER"]} == set(routes)
    assert set(routes.values()) == set(_apps(documents))
