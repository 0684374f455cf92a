"""What every test may ask for: a real part, or a skip that says which one is missing."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _first(*candidates: str) -> str | None:
    for candidate in candidates:
        found = shutil.which(candidate)
        if found:
            return found
    return None


def _postgres() -> str | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    return str(debian[0]) if debian else _first("postgres")


PARTS: dict[str, Callable[[], str | None]] = {
    "daprd": lambda: _first(str(ROOT / "bin" / "daprd"), "daprd", str(Path.home() / ".dapr" / "bin" / "daprd")),
    "redis": lambda: _first("redis-server"),
    "postgres": _postgres,
    "node": lambda: _first("node"),
    "chromium": lambda: _first("chromium", "chromium-browser", "google-chrome"),
    "kubectl": lambda: _first("kubectl", "kustomize", str(ROOT / "bin" / "kustomize")),
    "kubernetes": lambda: os.environ.get("KUBECONFIG"),
}


# A cluster is nothing that set-up can bring: its tests run by `make test-k8s`, and nowhere else must they run.
ELSEWHERE = {"kubernetes": "KUBECONFIG names no cluster; make test-k8s runs this on one"}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, with the reason, what needs a part that is not here; in CI a missing part is a failure."""
    for mark in item.iter_markers("needs"):
        for part in mark.args:
            if PARTS[part]() is None:
                _missing(part)


def _missing(part: str) -> None:
    reason = ELSEWHERE.get(part, f"{part} is not on this machine (make setup brings it where it can be had)")
    if os.environ.get("CI") and part not in ELSEWHERE:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
