"""Two replicas of one agent over one state: each hears of the other's tasks, ends them, and outlives it."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.types import AgentCard, AgentInterface, TaskState

from sidecar.secrets_file import SecretsFile
from tests.agents.a2a import (
    answer_in,
    cancel,
    client_of,
    follow,
    ids_in,
    listed,
    message,
    say,
    state_in,
    steps,
    task_of,
    token_of,
    until,
)
from tests.agents.conftest import PROFILE, RESEARCHER, World
from tests.agents.model_endpoint import KEY, Endpoint, listening, settings_of
from tests.mcp_server.issuer import Issuer


async def test_what_one_replica_does_is_heard_at_another(
    world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.hangs = True
    settings = settings_of(endpoint, monkeypatch)
    one, other = await world.start(settings=settings), await world.start(settings=settings)
    async with client_of(one, token_of(world)) as client, client_of(other, token_of(world)) as listener:
        asking = asyncio.create_task(say(client, message("What time is it in Berlin?")))
        await endpoint.silent.wait()
        task_id = (await listed(listener))[0].id
        following = asyncio.create_task(follow(listener, task_id))
        endpoint.hangs = False
        endpoint.go.set()
        heard, there = await asyncio.gather(following, asking)
    assert heard[0].HasField("task")
    assert state_in(heard) == "COMPLETED"
    assert answer_in(heard) == answer_in(there)
    assert [step["event"] for step in steps(heard)][-3:] == ["tool_called", "tool_result", "final"]


async def test_a_task_is_cancelled_at_another_replica_than_the_one_that_works_on_it(
    world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.begins = endpoint.hangs = True
    settings = settings_of(endpoint, monkeypatch)
    one, other = await world.start(settings=settings), await world.start(settings=settings)
    async with client_of(one, token_of(world)) as client, client_of(other, token_of(world)) as canceller:
        asking = asyncio.create_task(say(client, message("What time is it in Berlin?")))
        await endpoint.silent.wait()
        task_id = (await listed(canceller))[0].id
        assert (await cancel(canceller, task_id)).status.state == TaskState.TASK_STATE_CANCELED
        async with asyncio.timeout(60):
            await endpoint.left.wait()
        assert state_in(await asking) in {"WORKING", "CANCELED"}
        assert (await task_of(client, task_id)).status.state == TaskState.TASK_STATE_CANCELED


class Processes:
    """Replicas as processes of their own, over one folder."""

    def __init__(self, folder: Path, issuer: str, model: str) -> None:
        self._environ = {
            "DACA_DATA": str(folder),
            "DACA_PROFILES": str(folder),
            "DACA_ISSUER": issuer,
            "OPENAI_BASE_URL": model,
            "OPENAI_API_KEY": KEY,
            "MODEL": "small-model",
        }
        self._folder = folder

    @asynccontextmanager
    async def started(self) -> AsyncGenerator[tuple[asyncio.subprocess.Process, str]]:
        """One more replica, and where it is; ended at the end, if it is not by then."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environ = os.environ | self._environ | {"DACA_PORT": str(port)}
        with (self._folder / f"{port}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "daca_agents", "researcher", env=environ, stdout=log, stderr=log
            )
        try:
            await until(lambda: _healthy(process, port))
            yield process, f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _healthy(process: asyncio.subprocess.Process, port: int) -> bool:
    assert process.returncode is None, "it did not start"
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            return (await http.get(f"http://127.0.0.1:{port}/healthz")).is_success
        except httpx.TransportError:
            return False


@asynccontextmanager
async def _client(url: str, token: str) -> AsyncGenerator[Client]:
    """A client of one replica: the card names the agent, which is all of them."""
    headers = {"authorization": f"Bearer {token}"}
    place = AgentInterface(url=f"{url}/a2a", protocol_binding="JSONRPC", protocol_version="1.0")
    card = AgentCard(name="one", supported_interfaces=[place])
    card.capabilities.streaming = True
    async with httpx.AsyncClient(headers=headers, timeout=90, trust_env=False) as http:
        yield ClientFactory(ClientConfig(httpx_client=http)).create(card)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two processes of one agent, the first of which is about to end; a client of each."""

    first: asyncio.subprocess.Process
    client: Client
    survivor: Client


@pytest.fixture
async def pair(tmp_path: Path, endpoint: Endpoint) -> AsyncGenerator[Pair]:
    given = yaml.safe_load(PROFILE.read_text()) | {"mcp_servers": []}
    (tmp_path / "researcher.yaml").write_text(yaml.safe_dump(given))
    (tmp_path / "researcher.md").write_text("Answer.")
    SecretsFile(tmp_path / "secrets.json").put("client-researcher", {"secret": "s"})
    issuer = Issuer()
    async with AsyncExitStack() as stack:
        issuer.url = await stack.enter_async_context(listening(issuer.app()))
        token = issuer.token(RESEARCHER, "agent:ask", life=900)
        processes = Processes(tmp_path, issuer.url, endpoint.url)
        (first, one), (_, other) = [await stack.enter_async_context(processes.started()) for _ in range(2)]
        client, survivor = [await stack.enter_async_context(_client(url, token)) for url in (one, other)]
        yield Pair(first=first, client=client, survivor=survivor)


async def test_a_run_that_does_not_end_when_its_process_is_told_to_is_failed_by_it(
    endpoint: Endpoint, pair: Pair
) -> None:
    endpoint.hangs = True
    asking = asyncio.create_task(say(pair.client, message("Think for ever.")))
    await endpoint.silent.wait()
    pair.first.send_signal(signal.SIGTERM)
    await asyncio.gather(asking, return_exceptions=True)
    assert await asyncio.wait_for(pair.first.wait(), 60) == 0
    [task] = await listed(pair.survivor)
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert "was stopped while it worked on this" in task.status.message.parts[0].text


async def test_a_conversation_outlives_the_process_that_was_killed_in_the_middle_of_it(
    endpoint: Endpoint, pair: Pair
) -> None:
    first, client, survivor = pair.first, pair.client, pair.survivor
    endpoint.talks = True
    _, context_id = ids_in(await say(client, message("My cat is called Mia.")))
    endpoint.hangs = True
    asking = asyncio.create_task(say(client, message("Think for long.", context=context_id)))
    await endpoint.silent.wait()
    first.send_signal(signal.SIGKILL)
    await asyncio.gather(asking, return_exceptions=True)
    cut = (await listed(survivor))[0].id

    async def given_up() -> bool:
        return (await task_of(survivor, cut)).status.state == TaskState.TASK_STATE_FAILED

    await until(given_up, 120)
    endpoint.hangs = False
    heard = await say(survivor, message("What is she called?", context=context_id))
    assert state_in(heard) == "COMPLETED"
    assert "Mia" in json.dumps(endpoint.seen[-1])
