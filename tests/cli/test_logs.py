"""No secret, token or assertion in any log, at any level, or metric: those of a whole run are searched."""

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwk

from tests.cli.conftest import AGENTS
from tests.ports import free_row

APPS = ["auth-server", "notes", "clock", *AGENTS]
MODES = ["embedded", pytest.param("sidecars", marks=pytest.mark.needs("daprd"))]
JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")


def secrets_of(data: Path) -> set[str]:
    """Everything in the secrets file and every sidecar's token."""
    kept = json.loads((data / "secrets.json").read_text())
    apps = json.loads((data / "run.json").read_text())["apps"].values()
    tokens = {app["sidecar"]["api_token"] for app in apps if app["sidecar"]}
    return {value for values in kept.values() for value in values.values()} | tokens


@pytest.mark.requirement("ALL-01")
@pytest.mark.parametrize("level", ["debug", "info"])
@pytest.mark.parametrize("mode", MODES)
def test_the_logs_and_metrics_of_a_whole_run_hold_no_credential(
    world: Any, mode: str, level: str, tmp_path: Path
) -> None:
    first = free_row(len(APPS))
    world.environ.update(DACA_LOG_LEVEL=level, DACA_METRICS_PORT=str(first))
    key = jwk.ECKey.generate_key("P-256")
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    with world.up(f"--{mode}") as up:
        shown = {
            world.json("client", "add", "spoken", "--resource", "notes", "--scope", "mcp:read")["client_secret"],
            world.json("client", "rotate-secret", "spoken")["client_secret"],
            world.json("client", "invite", "--resource", "notes", "--scope", "mcp:read")["initial_access_token"],
        }
        world.json("client", "add", "keyed", "--resource", "notes", "--jwks", str(tmp_path / "jwks.json"))
        tokens = {world.ok("token", name, "--client", "operator").strip() for name in ("notes", "clock", "researcher")}
        private = json.dumps(key.as_dict(private=True))
        tokens.add(world.ok("token", "notes", "--client", "keyed", DACA_CLIENT_KEY=private).strip())
        world.refused("token", "notes", "--client", "operator", DACA_CLIENT_SECRET="wrong-but-not-for-any-log")
        world.ok("call", "notes", "--client", "spoken")
        misuse(world, tokens)
        metrics = [metrics_at(first + place) for place in range(len(APPS))]
        hidden = secrets_of(up.data) | shown | tokens | {"wrong-but-not-for-any-log"}
    log = up.log.read_text()
    assert len(log) > 2000
    assert not [value[:6] for value in hidden if value in log]
    assert not [value[:6] for value in tokens if value.split(".")[2] in log]
    assert not JWT.search(log)
    assert [f'app="{app}"' in told for app, told in zip(APPS, metrics, strict=True)] == [True] * len(APPS)
    assert not [value[:6] for value in hidden if any(value in told for told in metrics)]
    assert not JWT.search("".join(metrics))


def metrics_at(port: int) -> str:
    return httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False).raise_for_status().text


def misuse(world: Any, tokens: set[str]) -> None:
    """Credentials where none belong, and bad ones where they do: refusals are logged too."""
    token = next(iter(tokens))
    with httpx2.Client(timeout=10, trust_env=False) as http:
        for url in (world.urls["notes"], world.urls["clock"], world.urls["researcher"]):
            http.post(f"{url}?access_token={token}", json={})
            http.post(url, json={}, headers={"Authorization": f"Bearer {token}x"})
        form = {
            "grant_type": "client_credentials",
            "client_id": "operator",
            "client_secret": "wrong-but-not-for-any-log",
        }
        http.post(f"{world.urls['auth-server']}/token", data=form)
        http.post(f"{world.urls['auth-server']}/token?client_assertion={token}", data={"client_assertion": token})
