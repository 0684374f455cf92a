"""k8s/edges.yaml is what is deployed: network policies, Dapr's access policies and components all say the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
Document = dict[str, Any]
Documents = tuple[Document, ...]
OVERLAYS = ("base", "overlays/kind", "overlays/kind-secretless", "overlays/kind-postgresql", "overlays/production")
APP = "app.kubernetes.io/name"
SIDECAR = 50002
STORE_PORTS = {"state.redis": 6379, "pubsub.redis": 6379, "state.postgresql": 5432}
STORES = sorted(set(STORE_PORTS.values()))
HTTPS = 443

pytestmark = [pytest.mark.needs("kubectl"), pytest.mark.parametrize("folder", OVERLAYS)]


def _of(documents: Documents, kind: str, name: str) -> Document:
    return next(d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name)


def _ports(rule: Document) -> set[int]:
    return {port["port"] for port in rule["ports"]}


def _apps(peers: list[Document]) -> set[str]:
    return {peer["podSelector"]["matchLabels"][APP] for peer in peers if APP in _labels(peer)}


def _labels(peer: Document) -> dict[str, str]:
    return peer.get("podSelector", {}).get("matchLabels", {})


def _edges(documents: Documents, side: str) -> set[tuple[str, str]]:
    """Who may reach whose sidecar, by the network policies' ingress or egress rules."""
    found: set[tuple[str, str]] = set()
    for policy in (d for d in documents if d["kind"] == "NetworkPolicy"):
        own = policy["spec"]["podSelector"].get("matchLabels", {}).get(APP)
        for rule in policy["spec"].get(side, ()):
            if own and SIDECAR in _ports(rule):
                others = _apps(rule["from" if side == "ingress" else "to"])
                found |= {(other, own) if side == "ingress" else (own, other) for other in others}
    return found


def test_the_network_lets_through_exactly_the_calls_of_the_table(
    folder: str, render: Callable[[str], Documents], edges: Document
) -> None:
    wanted = {(call["from"], call["to"]) for call in edges["calls"]}
    assert _edges(render(folder), "ingress") == wanted
    assert _edges(render(folder), "egress") == wanted


def test_a_sidecar_allows_exactly_the_operations_of_the_table(
    folder: str, render: Callable[[str], Documents], edges: Document
) -> None:
    for app in edges["apps"]:
        control = _of(render(folder), "Configuration", app)["spec"]["accessControl"]
        assert control["defaultAction"] == "deny"
        allowed = {
            (policy["appId"], operation["name"]): operation["httpVerb"]
            for policy in control.get("policies", ())
            for operation in policy["operations"]
            if operation["action"] == "allow"
        }
        assert allowed == {
            (call["from"], path): verbs
            for call in edges["calls"]
            if call["to"] == app
            for path, verbs in call["operations"].items()
        }


def test_no_access_policy_is_open_or_leaves_its_caller_unnamed(folder: str, render: Callable[[str], Documents]) -> None:
    for configuration in (d for d in render(folder) if d["kind"] == "Configuration"):
        control = configuration["spec"]["accessControl"]
        assert control["trustDomain"] == "public"
        for policy in control.get("policies", ()):
            assert (policy["namespace"], policy["trustDomain"]) == ("daca", "public")
            assert policy["defaultAction"] == "deny"
            assert not any("*" in (operation["name"], *operation["httpVerb"]) for operation in policy["operations"])


def test_everything_is_closed_before_anything_is_opened(folder: str, render: Callable[[str], Documents]) -> None:
    policy = _of(render(folder), "NetworkPolicy", "default-deny")["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_open_apps_take_calls_from_the_gateway_and_on_their_own_port(
    folder: str, render: Callable[[str], Documents], edges: Document
) -> None:
    for app, entry in edges["apps"].items():
        rules = _of(render(folder), "NetworkPolicy", app)["spec"]["ingress"]
        gateway = [rule for rule in rules if any("namespaceSelector" in peer for peer in rule["from"])]
        assert [_ports(rule) for rule in gateway] == ([{entry["port"]}] if entry["open"] else [])


def test_only_the_apps_of_the_table_reach_the_world(
    folder: str, render: Callable[[str], Documents], edges: Document
) -> None:
    policies = [d for d in render(folder) if d["kind"] == "NetworkPolicy"]
    outside = {
        policy["metadata"]["name"]
        for policy in policies
        for rule in policy["spec"].get("egress", ())
        if HTTPS in _ports(rule)
    }
    assert outside == set(edges["world"])


def test_a_store_is_loaded_by_exactly_the_apps_of_the_table(
    folder: str, render: Callable[[str], Documents], edges: Document
) -> None:
    for store, apps in edges["stores"].items():
        assert sorted(_of(render(folder), "Component", store)["scopes"]) == sorted(apps)


def _selects(selector: Document, labels: Document) -> bool:
    wanted = selector.get("matchLabels", {})
    one_of = {rule["key"]: rule["values"] for rule in selector.get("matchExpressions", ())}
    return wanted.items() <= labels.items() and all(labels.get(key) in values for key, values in one_of.items())


def test_the_network_leads_to_a_store_from_exactly_the_apps_that_load_it(
    folder: str, render: Callable[[str], Documents], edges: Document
) -> None:
    documents = render(folder)
    pods = {
        d["metadata"]["name"]: d["spec"]["template"]["metadata"]["labels"]
        for d in documents
        if d["kind"] == "Deployment"
    }
    policies = [d["spec"] for d in documents if d["kind"] == "NetworkPolicy"]
    reached: dict[int, set[str]] = {}
    for port in STORES:
        rules = [(p, rule) for p in policies for rule in p.get("egress", ()) if port in _ports(rule)]
        reached[port] = {
            app for app, labels in pods.items() if any(_selects(policy["podSelector"], labels) for policy, _ in rules)
        }
        let_in = {
            app
            for app, labels in pods.items()
            for policy in policies
            for rule in policy.get("ingress", ())
            if port in _ports(rule) and any(_selects(peer["podSelector"], labels) for peer in rule["from"])
        }
        assert let_in == (reached[port] if "kind" in folder else set[str]()), port
    loads: dict[int, set[str]] = {port: set() for port in STORES}
    for component in (_of(documents, "Component", store) for store in edges["stores"]):
        if folder != "base":  # whose stores stand elsewhere: their address is the overlay's to know
            loads[STORE_PORTS[component["spec"]["type"]]] |= set(component["scopes"])
    assert reached == loads


def test_ports_agree_in_the_table_the_service_the_pod_and_the_sidecar(
    folder: str, render: Callable[[str], Documents], edges: Document
) -> None:
    documents = render(folder)
    for app, entry in edges["apps"].items():
        template = _of(documents, "Deployment", app)["spec"]["template"]
        container = template["spec"]["containers"][0]
        variables = {v["name"]: v.get("value") for v in container["env"]}
        assert template["metadata"]["annotations"]["dapr.io/app-port"] == str(entry["port"])
        assert variables["DACA_PORT"] == str(entry["port"])
        assert [p["containerPort"] for p in container["ports"]] == [entry["port"]]
        assert [p["port"] for p in _of(documents, "Service", app)["spec"]["ports"]] == [entry["port"]]


def test_the_table_has_of_each_agent_exactly_what_its_profile_says_that_it_uses(folder: str, edges: Document) -> None:
    for path in sorted((ROOT / "agents" / "profiles").glob("*.yaml")):
        profile = yaml.safe_load(path.read_text(encoding="utf-8"))
        agent = profile["client_id"]
        calls = {call["to"]: call["operations"] for call in edges["calls"] if call["from"] == agent}
        places = [*profile.get("mcp_servers", ()), *profile.get("peers", ())]
        assert calls.keys() == {"auth-server", *(place.get("app_id", place["name"]) for place in places)}, agent
        assert ("/bc-authorize" in calls["auth-server"]) == bool(profile.get("may_ask")), agent
        assert all("/a2a" in calls[peer.get("app_id", peer["name"])] for peer in profile.get("peers", ())), agent
        assert edges["apps"][agent]["port"] == profile["port"]
