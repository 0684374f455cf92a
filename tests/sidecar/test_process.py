"""An app as a process: what it says, what it hides, and how it ends."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

PROGRAM: Final = """
import asyncio, logging, sys, warnings
from pathlib import Path
import structlog
from sidecar.process import Process, run

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first ", "more_body": True})
        await asyncio.sleep(float(scope["query_string"]))
        await send({"type": "http.response.body", "body": b"last"})
        return
    logging.getLogger("some.library").warning("GET /?code=sesame-library Bearer sesame-library")
    structlog.get_logger().info("hit", client_secret="sesame-own", client=scope["client"][0], scheme=scope["scheme"])
    warnings.warn("careful", stacklevel=1)
    try:
        raise ValueError("client_secret=sesame-error")
    except ValueError:
        structlog.get_logger().exception("failed")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})

async def build(sidecar):
    await sidecar.state.put("built", sidecar.mode)
    return app

run(build, Process(app_id="app", host="127.0.0.1", port=int(sys.argv[1]), data=Path(sys.argv[2]), routes={}))
print("after", flush=True)
"""


@contextmanager
def _running(port: int, data: Path, **environ: str) -> "Generator[subprocess.Popen[str]]":
    argv = [sys.executable, "-c", PROGRAM, str(port), str(data)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environ}
    with subprocess.Popen(argv, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def _get(port: int, **headers: str) -> httpx2.Response:
    until = time.monotonic() + 60
    while True:
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/x?code=sesame-url", headers=headers, trust_env=False)
        except httpx2.ConnectError:
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.mark.requirement("ALL-01")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_app_logs_json_without_credentials_and_ends_cleanly_on_a_signal(
    tmp_path: Path, unused_port: int, number: signal.Signals
) -> None:
    with _running(unused_port, tmp_path) as process:
        answer = _get(unused_port, **{"authorization": "Bearer sesame-header", "x-forwarded-for": "6.6.6.6"})
        process.send_signal(number)
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == "after\n"
    assert "server" not in answer.headers
    lines = [json.loads(line) for line in errors.splitlines()]
    assert {line["app"] for line in lines} == {"app"}
    events = {line["event"]: line for line in lines}
    assert events["hit"]["client"] == "127.0.0.1"
    assert "ValueError" in events["failed"]["exception"]
    assert any("careful" in event for event in events)
    assert "sesame" not in errors


@pytest.mark.parametrize(("seconds", "heard"), [(1, b"first last"), (3600, b"first ")])
def test_an_answer_under_way_comes_to_its_end_and_one_without_an_end_does_not_keep_the_app(
    tmp_path: Path, unused_port: int, seconds: int, heard: bytes
) -> None:
    got = b""
    with _running(unused_port, tmp_path) as process:
        _get(unused_port)
        with httpx2.stream(
            "GET", f"http://127.0.0.1:{unused_port}/stream?{seconds}", trust_env=False, timeout=60
        ) as answer:
            pieces = answer.iter_raw()
            got += next(pieces)
            process.terminate()
            with suppress(httpx2.RemoteProtocolError):
                for piece in pieces:
                    got += piece
        process.communicate(timeout=60)
    assert (got, process.returncode) == (heard, 0)


def test_an_app_whose_state_cannot_be_opened_says_why_in_one_line_and_fails(tmp_path: Path, unused_port: int) -> None:
    (tmp_path / "state.db").mkdir()
    with _running(unused_port, tmp_path) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = [json.loads(line) for line in errors.splitlines()]
    assert line["event"] == "cannot start"
    assert "state.db" in line["why"]


def test_the_level_of_the_logs_can_be_set(tmp_path: Path, unused_port: int) -> None:
    with _running(unused_port, tmp_path, DACA_LOG_LEVEL="error") as process:
        _get(unused_port)
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert [json.loads(line)["event"] for line in errors.splitlines()] == ["failed"]
