"""From the start of an app's container to its first answer at /healthz, by the clock on the wall."""

import statistics
import time

import pytest

from tests.k8s.conftest import ORIGINS, System

pytestmark = [pytest.mark.needs("kubernetes")]
PORTS = dict(ORIGINS.values())


@pytest.mark.parametrize("app", PORTS)
def test_an_app_answers_within_seconds_of_its_containers_start(daca: System, app: str) -> None:
    """Three seconds on an idle node; a busy one may take ten times as long and says nothing about the app."""
    took = sorted(round(_start(daca, app), 2) for _ in range(3))
    print(app, took)  # noqa: T201 - the figures of docs/operations.md
    told = daca.kubectl("logs", f"deployment/{app}", "--container", "app")
    assert '"outcome"' not in told, "nobody asked it for anything, its own sidecar neither"
    assert statistics.median(took) < 30


def _start(daca: System, app: str) -> float:
    selector = f"app.kubernetes.io/name={app}"
    daca.kubectl("delete", "pods", "--selector", selector, "--grace-period=0", "--force", "--wait")
    first = daca.beside("first.py", f"http://{_address(daca, selector)}:{PORTS[app]}/healthz", seconds=90)["at"]
    daca.kubectl.ready(app)
    return first - daca.inside(app, "began.py")["at"]


def _address(daca: System, selector: str) -> str:
    """A pod has its address before its containers start."""
    for _ in range(300):
        for pod in daca.kubectl.json("get", "pods", "--selector", selector)["items"]:
            if "deletionTimestamp" not in pod["metadata"] and "podIP" in pod["status"]:
                return pod["status"]["podIP"]
        time.sleep(0.1)
    pytest.fail("no pod got an address in 30 seconds")
