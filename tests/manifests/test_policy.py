"""What no manifest of ours may say, whichever overlay: each rule is a function that names what breaks it."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

Document = dict[str, Any]
Documents = tuple[Document, ...]
OVERLAYS = Path(__file__).resolve().parent.parent.parent / "k8s" / "overlays"
FOLDERS = (
    "base",
    "overlays/kind",
    "overlays/kind-secretless",
    "overlays/kind-postgresql",
    "overlays/production",
    "overlays/mcpserver",
)
# The Job that makes the development overlay's secrets, and the one account that may create them.
MAKER = "make-secrets"


def _pods(documents: Documents) -> Iterator[tuple[str, Document]]:
    for document in documents:
        if document["kind"] in {"Deployment", "StatefulSet", "Job", "DaemonSet"}:
            yield document["metadata"]["name"], document["spec"]["template"]["spec"]


def _containers(documents: Documents) -> Iterator[tuple[str, Document]]:
    for name, pod in _pods(documents):
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            yield f"{name}/{container['name']}", container


def an_image_is_named_without_a_version(documents: Documents) -> list[str]:
    images = [(name, c["image"]) for name, c in _containers(documents)]
    return [name for name, image in images if ":" not in image.split("/")[-1] or image.endswith(":latest")]


def a_pod_may_be_root(documents: Documents) -> list[str]:
    contexts = ((name, pod.get("securityContext", {})) for name, pod in _pods(documents))
    return [name for name, c in contexts if not c.get("runAsNonRoot") or not c.get("runAsUser")]


def a_container_may_do_more_than_run(documents: Documents) -> list[str]:
    wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    return [name for name, c in _containers(documents) if c.get("securityContext") != wanted]


def a_pod_reaches_into_its_node(documents: Documents) -> list[str]:
    shared = ("hostNetwork", "hostPID", "hostIPC")
    return [
        name
        for name, pod in _pods(documents)
        if any(pod.get(field) for field in shared) or any("hostPath" in v for v in pod.get("volumes", ()))
    ]


def a_pod_has_no_seccomp_profile(documents: Documents) -> list[str]:
    profile = {"type": "RuntimeDefault"}
    return [name for name, pod in _pods(documents) if pod.get("securityContext", {}).get("seccompProfile") != profile]


def a_container_has_no_limits(documents: Documents) -> list[str]:
    return [
        name
        for name, c in _containers(documents)
        if not all(c.get("resources", {}).get(side, {}).keys() >= {"cpu", "memory"} for side in ("requests", "limits"))
    ]


def a_container_is_given_an_api_token(documents: Documents) -> list[str]:
    return [name for name, pod in _pods(documents) if pod.get("automountServiceAccountToken") is not (name == MAKER)]


def a_pod_runs_as_the_default_account(documents: Documents) -> list[str]:
    accounts = {d["metadata"]["name"] for d in documents if d["kind"] == "ServiceAccount"}
    return [name for name, pod in _pods(documents) if pod.get("serviceAccountName") not in accounts]


def a_role_is_wider_than_names(documents: Documents) -> list[str]:
    wide: list[str] = []
    for document in documents:
        if document["kind"] in {"ClusterRole", "ClusterRoleBinding"}:
            wide.append(document["metadata"]["name"])
        for rule in document.get("rules", ()) if document["kind"] == "Role" else ():
            named = bool(rule.get("resourceNames")) or (document["metadata"]["name"], rule["verbs"]) == (
                MAKER,
                ["create"],
            )
            if not named or "*" in (*rule["apiGroups"], *rule["resources"], *rule["verbs"]):
                wide.append(document["metadata"]["name"])
    return wide


def a_secret_stands_in_a_manifest(documents: Documents) -> list[str]:
    secrets = [d["metadata"]["name"] for d in documents if d["kind"] == "Secret"]
    return secrets + [
        f"{name}:{variable['name']}"
        for name, container in _containers(documents)
        for variable in container.get("env", ())
        if re.search(r"(TOKEN|PASSWORD|SECRET|KEY)$", variable["name"]) and "value" in variable
    ]


def a_component_holds_a_password(documents: Documents) -> list[str]:
    components = [d for d in documents if d["kind"] == "Component"]
    return [
        f"{component['metadata']['name']}:{field['name']}"
        for component in components
        for field in component["spec"]["metadata"]
        if re.search(r"password|connectionString|token|secret", field["name"], re.IGNORECASE) and "value" in field
    ]


def a_long_running_container_is_not_probed(documents: Documents) -> list[str]:
    jobs = {d["metadata"]["name"] for d in documents if d["kind"] == "Job"}
    probes = {"startupProbe", "readinessProbe"}
    return [n for n, c in _containers(documents) if n.split("/")[0] not in jobs and not c.keys() >= probes]


def a_pod_is_sent_requests_before_its_app_is_ready(documents: Documents) -> list[str]:
    """Living is not enough: a door is up before it has the issuer's keys, and refuses everybody until then."""
    served = {n: c["readinessProbe"] for n, c in _containers(documents) if n.endswith("/app") and "ports" in c}
    return [name for name, probe in served.items() if probe.get("httpGet", {}).get("path") != "/readyz"]


def a_namespace_is_not_restricted(documents: Documents) -> list[str]:
    label = "pod-security.kubernetes.io/enforce"
    spaces = [d["metadata"] for d in documents if d["kind"] == "Namespace"]
    outside = [
        d["metadata"]["name"] for d in documents if d["kind"] == "Deployment" and "namespace" not in d["metadata"]
    ]
    return [s["name"] for s in spaces if s.get("labels", {}).get(label) != "restricted"] + outside


def an_app_misses_a_line_of_its_sidecar(documents: Documents) -> list[str]:
    wanted = {
        "dapr.io/enabled": "true",
        "dapr.io/enable-native-sidecar": "true",
        "dapr.io/disable-builtin-k8s-secret-store": "true",
        "dapr.io/read-buffer-size": "32Ki",
        "dapr.io/disable-init-endpoints": "config,subscribe",
        # A limit without a request would ask for all of the limit.
        "dapr.io/sidecar-cpu-request": "50m",
        "dapr.io/sidecar-memory-request": "64Mi",
        "dapr.io/volume-mounts": "kube-api:/var/run/secrets/kubernetes.io/serviceaccount",
    }
    missing: list[str] = []
    for document in documents:
        if document["kind"] == "Deployment":
            name = document["metadata"]["name"]
            app = wanted | {
                "dapr.io/app-id": name,
                "dapr.io/config": name,
                "dapr.io/api-token-secret": f"{name}-sidecar",
                "dapr.io/app-token-secret": f"{name}-app",
            }
            notes = document["spec"]["template"]["metadata"]["annotations"]
            missing += [f"{name}:{key}" for key, value in app.items() if notes.get(key) != value]
    return missing


def a_policy_repeats_calls_between_apps(documents: Documents) -> list[str]:
    policies = [d for d in documents if d["kind"] == "Resiliency"]
    built_in = ("DaprBuiltInServiceRetries", "DaprBuiltInActorRetries")
    return [
        p["metadata"]["name"]
        for p in policies
        if "apps" in p["spec"]["targets"] or any(name in p["spec"]["policies"].get("retries", {}) for name in built_in)
    ]


RULES: tuple[Callable[[Documents], list[str]], ...] = (
    an_image_is_named_without_a_version,
    a_pod_may_be_root,
    a_container_may_do_more_than_run,
    a_pod_reaches_into_its_node,
    a_pod_has_no_seccomp_profile,
    a_container_has_no_limits,
    a_container_is_given_an_api_token,
    a_pod_runs_as_the_default_account,
    a_role_is_wider_than_names,
    a_secret_stands_in_a_manifest,
    a_component_holds_a_password,
    a_long_running_container_is_not_probed,
    a_pod_is_sent_requests_before_its_app_is_ready,
    a_namespace_is_not_restricted,
    an_app_misses_a_line_of_its_sidecar,
    a_policy_repeats_calls_between_apps,
)


@pytest.mark.needs("kubectl")
@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("broken_by", RULES, ids=lambda rule: rule.__name__)
def test_it_is_never_so_that(
    broken_by: Callable[[Documents], list[str]], folder: str, render: Callable[[str], Documents]
) -> None:
    assert broken_by(render(folder)) == []


def _app(documents: Documents) -> Document:
    return next(d for d in documents if d["kind"] == "Deployment")["spec"]["template"]


def _spoil(documents: Documents, rule: str) -> None:
    """Break one rule, so that the rule itself is proved."""
    template, of = _app(documents), {d["kind"]: d for d in documents}
    pod = template["spec"]
    container = pod["containers"][0]
    spoilers: dict[str, Callable[[], object]] = {
        "an_image_is_named_without_a_version": lambda: container.update(image="registry:5000/daca"),
        "a_pod_may_be_root": lambda: pod["securityContext"].update(runAsUser=0),
        "a_container_may_do_more_than_run": lambda: container["securityContext"].update(privileged=True),
        "a_pod_reaches_into_its_node": lambda: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        "a_pod_has_no_seccomp_profile": lambda: pod["securityContext"].pop("seccompProfile"),
        "a_container_has_no_limits": lambda: container["resources"].pop("limits"),
        "a_container_is_given_an_api_token": lambda: pod.update(automountServiceAccountToken=True),
        "a_pod_runs_as_the_default_account": lambda: pod.pop("serviceAccountName"),
        "a_role_is_wider_than_names": lambda: of["Role"]["rules"][0].pop("resourceNames"),
        "a_secret_stands_in_a_manifest": lambda: container["env"].append({"name": "DAPR_API_TOKEN", "value": "x"}),
        "a_component_holds_a_password": lambda: of["Component"]["spec"]["metadata"].append(
            {"name": "redisPassword", "value": "x"}
        ),
        "a_long_running_container_is_not_probed": lambda: container.pop("readinessProbe"),
        "a_pod_is_sent_requests_before_its_app_is_ready": lambda: container["readinessProbe"]["httpGet"].update(
            path="/healthz"
        ),
        "a_namespace_is_not_restricted": lambda: of["Namespace"]["metadata"].pop("labels"),
        "an_app_misses_a_line_of_its_sidecar": lambda: template["metadata"]["annotations"].pop("dapr.io/enabled"),
        "a_policy_repeats_calls_between_apps": lambda: of["Resiliency"]["spec"]["targets"].update(apps={}),
    }
    spoilers[rule]()


@pytest.mark.needs("kubectl")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_what_breaks_it(
    rule: Callable[[Documents], list[str]], render: Callable[[str], Documents]
) -> None:
    spoilt = deepcopy(render("base"))
    _spoil(spoilt, rule.__name__)
    assert rule(spoilt) != []


@pytest.mark.needs("kubectl")
@pytest.mark.parametrize("overlay", sorted(path.name for path in OVERLAYS.iterdir()))
def test_what_a_sidecar_reads_once_is_applied_before_its_pod(overlay: str, render: Callable[[str], Documents]) -> None:
    kinds = [document["kind"] for document in render(f"overlays/{overlay}")]
    pods = {"StatefulSet", "Job", "Deployment"}
    first = next(at for at, kind in enumerate(kinds) if kind in pods)
    assert kinds[0] == "Namespace"
    assert set(kinds[first:]) <= pods
    assert {"Component", "Configuration", "ConfigMap", "NetworkPolicy"} <= set(kinds[:first])
