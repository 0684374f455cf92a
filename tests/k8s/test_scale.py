"""The sizing model of docs/operations.md: what a call costs does not depend on how many replicas share the calls."""

import re
import time
from collections.abc import Callable, Generator

import pytest

from tests.k8s.conftest import System

pytestmark = [pytest.mark.needs("kubernetes")]
CALLS = 1200
URLS = {"token": "http://auth-server.daca:9000/token", "list": "http://notes.daca:8000/mcp"}
APPS = {"token": "auth-server", "list": "notes"}


def _cpu(daca: System, app: str) -> dict[str, float]:
    """CPU seconds so far of an app's containers and of the store, summed over its pods, as the kubelet sees it next."""
    (node,) = daca.kubectl.json("get", "nodes")["items"]
    path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/metrics/resource"
    pattern = r'container_cpu_usage_seconds_total\{container="(\w+)",namespace="daca",pod="([\w-]+)"\} (\S+) (\d+)'
    asked, samples = time.time(), list[tuple[str, ...]]()
    for _ in range(120):
        seen = re.findall(pattern, daca.kubectl("get", "--raw", path))
        samples = [sample for sample in seen if sample[1].startswith((f"{app}-", "redis-"))]
        if samples and min(int(at) for *_, at in samples) > 1000 * asked:
            break
        time.sleep(0.5)
    found: dict[str, float] = {"app": 0, "daprd": 0, "redis": 0}
    for container, _, seconds, _ in samples:
        found[container] += float(seconds)
    return found


def _operations(daca: System, app: str) -> float:
    """Operations on the state store that the sidecars of an app have counted so far."""
    total = 0.0
    for pod in daca.kubectl.json("get", "pods", "--selector", f"app.kubernetes.io/name={app}")["items"]:
        answer = daca.beside("metrics.py", f"http://{pod['status']['podIP']}:9090/", "dapr_component_state_count")
        total += answer["sum"]
    return total


@pytest.fixture
def scaled(daca: System) -> Generator[Callable[[str, int], None]]:
    """A way to scale, undone afterwards."""

    def scale(app: str, replicas: int) -> None:
        daca.kubectl.scale(replicas, app)

    yield scale
    for app in APPS.values():
        daca.kubectl.scale(1, app)


@pytest.mark.parametrize("call", ["token", "list"])
def test_the_cost_of_a_call_is_the_same_on_one_two_and_four_replicas(
    daca: System, operator: tuple[str, str], scaled: Callable[[str, int], None], call: str
) -> None:
    app, costs = APPS[call], dict[int, float]()
    for replicas in (1, 2, 4):
        scaled(app, replicas)
        _load(daca, operator, call, 200)
        cpu, operations = _cpu(daca, app), _operations(daca, app)
        found = _load(daca, operator, call, CALLS)
        after = _cpu(daca, app)
        each = {part: round(1000 * (after[part] - cpu[part]) / CALLS, 2) for part in cpu}
        costs[replicas] = each["app"] + each["daprd"]
        stored = round((_operations(daca, app) - operations) / CALLS, 2)
        print(call, replicas, found, "CPU ms a call", each, "store operations a call", stored)  # noqa: T201
        assert found["failed"] == 0, found
    assert max(costs.values()) < 2.5 * min(costs.values()), costs


def _load(daca: System, operator: tuple[str, str], call: str, calls: int) -> dict[str, float]:
    return daca.beside("load.py", str(calls), "16", *operator, call, URLS[call], URLS["token"], seconds=120)
