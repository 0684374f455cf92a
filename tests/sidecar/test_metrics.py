"""Metrics: off unless asked for, on a port of their own, and with labels that no caller can choose."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from prometheus_client import generate_latest

from sidecar.at_once import Reply, Scope, at_once_of
from sidecar.metrics import Metrics

WATCHED: Final = Path(__file__).resolve().parents[2] / "k8s" / "observability"

PROGRAM: Final = """
import json, sys
from pathlib import Path
from sidecar.process import Process, run

def build(sidecar):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        loaded = json.dumps(sorted({"prometheus_client", "opentelemetry"} & set(sys.modules))).encode()
        sidecar.audit.tell("tool", {"outcome": "called", "resource": "http://localhost:8000/mcp"})
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": loaded})
    return app

run(build, Process(app_id="app", host="127.0.0.1", port=int(sys.argv[1]), data=Path(sys.argv[2]), routes={}))
"""


@contextmanager
def running(port: int, data: Path, **environ: str) -> "Generator[subprocess.Popen[str]]":
    argv = [sys.executable, "-c", PROGRAM, str(port), str(data)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def get(port: int, path: str = "/") -> httpx2.Response:
    until = time.monotonic() + 60
    while True:
        try:
            return httpx2.get(f"http://127.0.0.1:{port}{path}", trust_env=False)
        except httpx2.TransportError:
            assert time.monotonic() < until
            time.sleep(0.05)


def until_told(port: int, line: str) -> str:
    until = time.monotonic() + 30
    while line not in (told := get(port, "/metrics").text):
        assert time.monotonic() < until, told
        time.sleep(0.05)
    return told


def test_decisions_and_times_are_told_on_a_port_of_their_own(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    port, metrics = unused_tcp_port_factory(), unused_tcp_port_factory()
    with running(port, tmp_path, DACA_METRICS_PORT=str(metrics)) as process:
        paths = ("/", "/metrics?sesame=1", "/healthz", "/readyz")
        assert [get(port, path).status_code for path in paths] == [201] * 4
        told = until_told(metrics, 'daca_request_duration_seconds_count{app="app",status="201"} 2.0')
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    decisions = (
        'daca_decisions_total{app="app",event="tool",outcome="called",reason="",resource="http://localhost:8000/mcp"}'
    )
    assert f"{decisions} 4.0" in told
    assert 'daca_audit_events_dropped_total{app="app"} 0.0' in told
    assert "process_resident_memory_bytes" in told
    assert "sesame" not in told


def test_nothing_is_loaded_and_nothing_listens_that_was_not_asked_for(tmp_path: Path, unused_tcp_port: int) -> None:
    with running(unused_tcp_port, tmp_path):
        assert get(unused_tcp_port).json() == []


@pytest.mark.parametrize("asked", ["http", "0", "70000", "-1", "own"])
def test_a_port_that_cannot_be_had_is_told_in_one_line(tmp_path: Path, unused_tcp_port: int, asked: str) -> None:
    with running(unused_tcp_port, tmp_path, DACA_METRICS_PORT=asked) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = [json.loads(line) for line in errors.splitlines()]
    assert line["event"] == "cannot start"
    assert "DACA_METRICS_PORT" in line["why"]


def test_a_port_that_another_has_is_told_too(tmp_path: Path, unused_tcp_port_factory: Callable[[], int]) -> None:
    port, metrics, other = (unused_tcp_port_factory() for _ in range(3))
    with running(port, tmp_path, DACA_METRICS_PORT=str(metrics)):
        get(port)
        with running(other, tmp_path, DACA_METRICS_PORT=str(metrics)) as second:
            _, errors = second.communicate(timeout=60)
    assert (second.returncode, json.loads(errors.splitlines()[-1])["event"]) == (1, "cannot start")


def told_by(metrics: Metrics) -> list[dict[str, Any]]:
    text = generate_latest(metrics.registry).decode()
    found = re.findall(r"^daca_decisions_total\{(.*)\} (.*)$", text, re.MULTILINE)
    return [dict(re.findall(r'(\w+)="([^"]*)"', labels)) | {"count": count} for labels, count in found]


def test_what_a_caller_writes_is_no_label() -> None:
    metrics = Metrics("app")
    for number in range(200):
        metrics.hear("tool", {"outcome": "invalid_request", "reason": f"tool 't{number}'", "tool": f"t{number}"})
        metrics.hear("token", {"outcome": "invalid_target", "resource": f"http://evil.example/{number}"})
    told = told_by(metrics)
    assert len(told) < 60
    assert {line["reason"] for line in told} == {""}
    assert [line["count"] for line in told if line["resource"] == "other"] == ["150.0"]


def test_a_replay_is_told_apart_from_other_refusals() -> None:
    metrics = Metrics("app")
    for reason in ("replayed", "replayed jti", "reuse", "the code is unknown"):
        metrics.hear("token", {"outcome": "invalid_grant", "reason": reason})
    assert {line["reason"]: line["count"] for line in told_by(metrics)} == {"replayed": "3.0", "": "1.0"}


def test_what_the_alerts_and_the_dashboard_watch_is_what_an_app_tells() -> None:
    metrics = Metrics("app")
    metrics.tell_dropped(lambda: 0)
    told = set(re.findall(r"^# TYPE (\w+)", generate_latest(metrics.registry).decode(), re.MULTILINE))
    said = " ".join(path.read_text(encoding="utf-8") for path in WATCHED.iterdir())
    watched = {name.removesuffix("_bucket") for name in re.findall(r"\bdaca_\w+", said)}
    assert watched == {name for name in told if name.startswith("daca_") and not name.endswith("_created")}


def test_what_is_answered_at_once_is_measured_too_and_what_is_declined_is_not_measured_twice() -> None:
    class Prompt:
        def at_once(self, scope: Scope, body: bytes) -> Reply | None:
            return (200, (), body) if scope["path"] == "/token" else None

        async def __call__(self, *_: object) -> None: ...

    metrics = Metrics("app")
    ask = at_once_of(metrics.measured(Prompt()))
    assert ask is not None
    assert [ask({"path": path}, b"a") for path in ("/token", "/other")] == [(200, (), b"a"), None]
    said = generate_latest(metrics.registry).decode()
    assert 'daca_request_duration_seconds_count{app="app",status="200"} 1.0' in said
    assert said.count("daca_request_duration_seconds_count{") == 1
