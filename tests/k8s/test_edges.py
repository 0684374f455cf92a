"""Every app at the sidecar of every app: exactly the operations of k8s/edges.yaml get through, by whoever calls.

To Dapr a path that is allowed allows what lies below it: none of ours has anything there.
"""

import json
from itertools import product
from typing import Any

import pytest
import yaml

from tests.k8s.conftest import APPS, ROOT, System

pytestmark = [pytest.mark.needs("kubernetes")]
# Beside every operation of the table, some that no app may ask of another.
NEVER = (("POST", "/ask"), ("GET", "/healthz"), ("POST", "/register"), ("DELETE", "/token"), ("GET", "/"))
TABLE = yaml.safe_load((ROOT / "k8s" / "edges.yaml").read_text(encoding="utf-8"))["calls"]
ALLOWED = {
    (call["from"], call["to"], verb, path)
    for call in TABLE
    for path, verbs in call["operations"].items()
    for verb in verbs
}
OPERATIONS = sorted({(verb, path) for _, _, verb, path in ALLOWED}.union(NEVER))


@pytest.mark.parametrize("caller", [app for app in APPS if app != "auth-server"])
def test_an_app_gets_through_to_exactly_what_the_table_names(daca: System, caller: str) -> None:
    calls = [(verb, app, path) for app, (verb, path) in product(APPS, OPERATIONS) if app != caller]
    answers: Any = daca.inside(caller, "knock.py", json.dumps(calls), seconds=240)
    refused = f"spiffe://public/ns/daca/{caller}"
    seen = {
        (caller, app, verb, path)
        for (verb, app, path), answer in zip(calls, answers, strict=True)
        if not (answer["status"] == 403 and refused in answer["text"])
    }
    assert seen == {(caller, app, verb, path) for verb, app, path in calls if _allowed(caller, app, verb, path)}
    assert len(calls) > 70


def test_the_authorization_server_calls_nobody(daca: System) -> None:
    answers: Any = daca.inside("auth-server", "knock.py", json.dumps([("GET", app, "/healthz") for app in APPS]))
    assert {answer["status"] for answer in answers} <= {403, 404}


def _allowed(caller: str, app: str, verb: str, path: str) -> bool:
    named = {allowed for who, whom, how, allowed in ALLOWED if (who, whom, how) == (caller, app, verb)}
    return any(path == one or path.startswith(f"{one}/") for one in named)
