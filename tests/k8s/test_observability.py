"""Dashboard and alerts stand on metrics that the sidecars and the apps really give."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.k8s.conftest import APPS, System

FOLDER = Path(__file__).resolve().parent.parent.parent / "k8s" / "observability"
pytestmark = [pytest.mark.needs("kubernetes")]


def _named() -> set[str]:
    rules = yaml.safe_load((FOLDER / "rules.yaml").read_text(encoding="utf-8"))["spec"]["groups"]
    panels = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    said = [rule["expr"] for group in rules for rule in group["rules"]]
    said += [target["expr"] for panel in panels for target in panel["targets"]]
    return set(re.findall(r"\b((?:daca|dapr|process)_\w+)\b", " ".join(said)))


def test_every_metric_that_is_watched_exists(daca: System) -> None:
    # A refusal, so that it has been counted once.
    daca.inside("clock", "ask.py", "POST", "sidecar:/v1.0/invoke/notes/method/mcp", "{}")
    daca.inside("researcher", "agent.py", "researcher", "http://localhost:8000/mcp", "list_notes", "{}")
    there: set[str] = set()
    for app in APPS:
        for pod in daca.kubectl.json("get", "pods", "--selector", f"app.kubernetes.io/name={app}")["items"]:
            for place in ("9090/", "9091/metrics"):
                there |= set(daca.beside("metrics.py", f"http://{pod['status']['podIP']}:{place}", "-")["names"])
    assert _named() - there == set()
    assert len(_named()) > 8
