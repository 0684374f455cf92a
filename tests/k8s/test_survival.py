"""Pods go, one by one, all of an app at once, and by rolling restart, under continuous traffic: nothing is lost."""

import json
import time
from collections.abc import Callable

import pytest

from tests.k8s.conftest import APPS, System

pytestmark = [pytest.mark.needs("kubernetes")]
SIDECAR = (
    "token=http://127.0.0.1:3500/v1.0/invoke/auth-server/method/token",
    "list=http://127.0.0.1:3500/v1.0/invoke/notes/method/mcp",
)
WAYS = ("direct", "sidecar")


def _way(daca: System, way: str) -> tuple[str, tuple[str, ...]]:
    """Where the traffic comes from, and where to; directly by the Services' addresses, as names are DNS's business."""
    if way == "sidecar":
        return "deployment/researcher", SIDECAR
    token, notes = (daca.kubectl.json("get", "service", app)["spec"]["clusterIP"] for app in ("auth-server", "notes"))
    return "pod/prober", (f"token=http://{token}:9000/token", f"list=http://{notes}:8000/mcp")


def _keys(daca: System) -> set[str]:
    answer = daca.beside("ask.py", "GET", "http://auth-server.daca:9000/jwks.json")
    return {key["kid"] for key in json.loads(answer["text"])["keys"]}


@pytest.fixture
def two(daca: System):
    """Two replicas of what is called."""
    daca.kubectl.scale(2, "auth-server", "notes")
    yield
    daca.kubectl.scale(1, "auth-server", "notes")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("app", ["auth-server", "notes"])
def test_a_rolling_restart_of_two_replicas_fails_no_request(
    daca: System, operator: tuple[str, str], two: None, app: str, way: str
) -> None:
    where, targets = _way(daca, way)
    with daca.traffic(where, way, *operator, *targets) as stop:
        daca.kubectl("rollout", "restart", f"deployment/{app}")
        daca.kubectl.ready(app)
        _gone(daca, app, 2)
        found = stop()
    print(app, way, found)  # noqa: T201 - the figures of docs/operations.md
    assert found["failed"] == 0, found
    assert all(count > 50 for count in found["calls"].values()), found


@pytest.mark.parametrize("way", WAYS)
def test_deleting_each_pod_in_turn_fails_no_request_while_another_is_ready(
    daca: System, operator: tuple[str, str], two: None, way: str
) -> None:
    where, targets = _way(daca, way)
    with daca.traffic(where, way, *operator, *targets) as stop:
        for app in ("auth-server", "notes"):
            for pod in daca.kubectl.pods(app):
                daca.kubectl("delete", "pod", pod, "--wait=false")
                _until(lambda pod=pod, app=app: pod not in daca.kubectl.pods(app))
                daca.kubectl.ready(app)
        _gone(daca, "auth-server", 2)
        _gone(daca, "notes", 2)
        found = stop()
    print(way, found)  # noqa: T201
    assert found["failed"] == 0, found


@pytest.mark.parametrize("app", APPS)
def test_all_pods_of_an_app_at_once_take_no_state_with_them(daca: System, app: str) -> None:
    keys, notes = _keys(daca), daca.notes()
    daca.kubectl.anew(app)
    assert _keys(daca) == keys
    assert daca.notes() == notes


def test_requests_fail_only_while_no_replica_is_ready(daca: System, operator: tuple[str, str]) -> None:
    """One replica, killed: the failures all lie between its end and the next one's readiness."""
    where, targets = _way(daca, "direct")
    with daca.traffic(where, "direct", *operator, *targets) as stop:
        began = time.time()
        daca.kubectl(
            "delete", "pods", "--selector", "app.kubernetes.io/name=notes", "--grace-period=0", "--force", "--wait"
        )
        daca.kubectl.ready("notes")
        ended = time.time()
        time.sleep(3)
        found = stop()
    print(found)  # noqa: T201
    assert found["failed"] > 0
    assert all(began - 1 <= failure["at"] <= ended + 1 for failure in found["failures"]), (began, ended, found)
    assert {failure["call"].split()[0] for failure in found["failures"]} == {"list"}


def test_a_server_without_keys_is_not_ready_and_the_one_that_has_them_serves_on(
    daca: System, operator: tuple[str, str]
) -> None:
    """A rolling restart while the authorization server is away waits for it, and no call to the tool fails."""
    where, targets = _way(daca, "direct")
    [old] = daca.kubectl.pods("notes")
    with daca.traffic(where, "direct", *operator, *targets) as stop:
        daca.kubectl("scale", "deployment/auth-server", "--replicas=0")
        _until(lambda: not daca.kubectl.pods("auth-server"))
        _gone(daca, "auth-server", 0)
        daca.kubectl("rollout", "restart", "deployment/notes")
        _until(lambda: len(daca.kubectl.pods("notes")) == 2)
        time.sleep(20)  # a start takes three seconds, on a busy node nine
        [new] = set(daca.kubectl.pods("notes")) - {old}
        waiting = daca.kubectl("exec", new, "--container", "app", "--", "python", "-c", _HOW_IT_IS)
        still = daca.kubectl.pods("notes")
        daca.kubectl.scale(1, "auth-server")
        daca.kubectl.ready("notes")
        _gone(daca, "notes", 1)
        found = stop()
    print(found)  # noqa: T201 - the figures of docs/operations.md
    assert json.loads(waiting) == {"/healthz": 200, "/readyz": 503}
    assert old in still
    assert daca.kubectl.pods("notes") == [new]
    assert found["failing"] == ["token anew", "token kept"], found
    assert all(count > 50 for name, count in found["calls"].items() if name.startswith("list")), found


_HOW_IT_IS = """
import http.client, json
def status(path):
    there = http.client.HTTPConnection("127.0.0.1", 8000, timeout=5)
    there.request("GET", path)
    return there.getresponse().status
print(json.dumps({path: status(path) for path in ("/healthz", "/readyz")}))
"""


def test_the_store_killed_loses_nothing_that_was_answered(daca: System) -> None:
    keys, notes = _keys(daca), daca.notes()
    daca.kubectl("delete", "pod", "redis-0", "--grace-period=0", "--force", "--wait")
    daca.kubectl("rollout", "status", "statefulset/redis", "--timeout=120s")
    daca.kubectl("rollout", "restart", "deployment/auth-server")
    daca.kubectl.ready("auth-server", "notes")
    assert _keys(daca) == keys
    assert daca.notes() == notes


def _gone(daca: System, app: str, replicas: int) -> None:
    """Wait until the old pods have ended altogether: it is while they drain that calls would be lost."""
    selector = f"app.kubernetes.io/name={app}"
    _until(lambda: len(daca.kubectl.json("get", "pods", "--selector", selector)["items"]) == replicas)


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(300):
        if holds():
            return
        time.sleep(0.5)
    pytest.fail("it did not come to pass in 150 seconds")
