"""A pod that leaves sends its callers elsewhere, with the answer to what they asked."""

import asyncio
import os
import signal
import sys

import httpx2
import pytest

from sidecar.leaving import Leaving
from sidecar.process import server_config
from tests.ports import free_port

SCRIPT = """
import sys
from pathlib import Path
from sidecar.process import Process, run
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
run(lambda _: app, Process(app_id="x", host="127.0.0.1", port=int(sys.argv[1]), data=Path(sys.argv[2]), routes={}))
"""


async def _app(scope: object, receive: object, send: object) -> None: ...


def test_it_is_an_app_like_any_other() -> None:
    assert server_config(Leaving(_app), host="127.0.0.1", port=1).app


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
async def test_told_by_a_signal_it_answers_and_closes_where_it_kept_connections_before(tmp_path: object) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SCRIPT, str(port), str(tmp_path))
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            before = await _until_up(http)
            os.kill(process.pid, signal.SIGUSR1)
            answers = [await http.get("/") for _ in range(5)]
    finally:
        process.terminate()
        await process.wait()
    assert "connection" not in before.headers
    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].headers["connection"] == "close"


async def _until_up(http: httpx2.AsyncClient) -> httpx2.Response:
    async with asyncio.timeout(60):
        while True:
            try:
                return await http.get("/")
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
