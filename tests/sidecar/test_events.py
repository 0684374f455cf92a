"""Audit events on their topic: a real sidecar, a real broker, and an app that listens."""

import asyncio
import json
import os
import signal
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from auth_server.app import create_app as create_issuer
from auth_server.settings import Settings
from mcp_server.app import create_app
from mcp_server.settings import settings_for
from oauth_client import ClientSecret, Tokens
from sidecar.audit import Audit, decision
from sidecar.components import Access
from sidecar.connect import Sidecar, connect
from sidecar.dapr_http import client_of
from sidecar.daprd import app_environ
from sidecar.events import Events
from sidecar.trace import Trace, Traced, TracedTransport, enter, leave
from tests.agents.conftest import lifespan
from tests.mcp_server.issuer import ISSUER, Wire
from tests.ports import free_ports
from tests.sidecar.callee import Receive, Send, serving
from tests.sidecar.conftest import RunningServer, Sidecars, start_redis

pytestmark = [pytest.mark.needs("daprd"), pytest.mark.needs("redis")]
TELLS = Access(apis=("publish", "secrets", "state"))
HEARS = Access(apis=("invoke",))
SECRET = "s3cret-of-the-operator"
IDENTITY = Path(__file__).resolve().parents[2] / "identity.yaml"
SUBSCRIPTION = """
apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata: {name: audit}
spec: {pubsubname: events, topic: audit, routes: {default: /audit}}
scopes: [listener]
"""


class Listener:
    """An app that subscribes: it keeps what its sidecar brings."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for done in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{done}.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if scope["path"] == "/audit":
            self.heard.append(json.loads(body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    def told(self) -> list[dict[str, Any]]:
        """What was told, each event once, in the order of telling."""
        once = {event["id"]: event for event in self.heard}
        return [event["data"] for event in sorted(once.values(), key=lambda event: event["sequence"])]


class House:
    """Redis, the sidecar of an app that tells, and a listener behind a sidecar of its own."""

    def __init__(self, sidecars: Sidecars, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self.redis = start_redis(folder)
        stack.callback(self.stop)
        values = {"redis_host": f"127.0.0.1:{self.redis.port}", "redis_password": ""}
        self.listener = Listener()
        (port,) = free_ports(1)
        stack.enter_context(serving(self.listener, port))
        secrets = {"auth-server-kek": {"kek": urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")}}
        (sidecars.folder / "secrets.json").write_text(json.dumps(secrets | {"client-operator": {"secret": SECRET}}))
        allowed = Access(apis=TELLS.apis, secrets=(*secrets, "client-operator"))
        self.issuer = sidecars.start("auth-server", access=allowed, store="redis", values=values).spec
        self.spec = sidecars.start("notes", access=TELLS, store="redis", values=values).spec
        (self.spec.resources / "subscription.yaml").write_text(SUBSCRIPTION)
        sidecars.start("listener", access=HEARS, app_port=port, store="redis", values=values)

    def stop(self) -> None:
        if self.redis.process.poll() is None:
            self.redis.process.send_signal(signal.SIGTERM)
        self.redis.process.wait()

    def start(self) -> None:
        self.redis: RunningServer = start_redis(self._folder, self.redis.port)

    async def until(self, count: int) -> list[dict[str, Any]]:
        """What the listener was told, once it is so many."""
        return await eventually(lambda: told if len(told := self.listener.told()) >= count else None)


async def eventually(found: Callable[[], Any], seconds: float = 60) -> Any:
    until = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < until
        await asyncio.sleep(0.05)
    return value


@pytest.fixture(scope="module")
def house(sidecars: Sidecars, tmp_path_factory: pytest.TempPathFactory) -> Generator[House]:
    with ExitStack() as stack:
        yield House(sidecars, tmp_path_factory.mktemp("broker"), stack)


@pytest.fixture
async def notes(house: House, tmp_path: Path) -> AsyncGenerator[Sidecar]:
    """What an app gets from the sidecar that tells."""
    house.listener.heard.clear()
    environ = app_environ(house.spec)
    async with connect(environ, app_id="notes", data=tmp_path, routes={}) as sidecar:
        yield sidecar


def said(subject: str) -> Mapping[str, str]:
    return decision(outcome="called", subject=subject, tool="write_note")


async def test_what_an_app_decides_arrives_at_whoever_listens(house: House, notes: Sidecar) -> None:
    for number in range(250):
        notes.audit.tell("tool", said(f"u-{number}"))
    told = await house.until(250)
    assert [event["subject"] for event in told] == [f"u-{number}" for number in range(250)]
    assert told[0] == {"event": "tool", "app": "notes", "outcome": "called", "subject": "u-0", "tool": "write_note"}
    event = house.listener.heard[0]
    assert (event["source"], event["type"], event["topic"]) == ("notes", "daca.audit.tool", "audit")
    assert event["pubsubname"] == "events"


async def test_what_has_the_shape_of_a_credential_is_hidden(house: House, notes: Sidecar) -> None:
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln"
    notes.audit.tell("request", {"outcome": "not_found", "reason": f"nothing at /{token}", "token": "sesame-sesame"})
    (told,) = await house.until(1)
    assert told["reason"] == "nothing at /[hidden]"
    assert "sesame" not in json.dumps(house.listener.heard)


async def test_events_of_a_time_without_a_broker_arrive_when_it_is_back(house: House, notes: Sidecar) -> None:
    notes.audit.tell("tool", said("before"))
    await house.until(1)
    with capture_logs() as logs:
        await asyncio.to_thread(house.stop)
        for name in ("during", "after"):
            notes.audit.tell("tool", said(name))
        await eventually(lambda: [line for line in logs if line["event"].startswith("audit events wait")])
        await asyncio.to_thread(house.start)
        told = await house.until(3)
    assert [event["subject"] for event in told] == ["before", "during", "after"]
    assert [line["dropped"] for line in logs if line["event"] == "audit events are published again"] == [0]


async def test_what_waits_at_the_end_is_published_first(house: House, tmp_path: Path) -> None:
    house.listener.heard.clear()
    async with connect(app_environ(house.spec), app_id="notes", data=tmp_path, routes={}) as sidecar:
        for number in range(150):
            sidecar.audit.tell("tool", said(f"u-{number}"))
    assert len(await house.until(150)) == 150


async def test_what_cannot_be_kept_is_counted_and_said_in_one_line(unused_tcp_port: int) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{unused_tcp_port}", trust_env=False) as http:
        with capture_logs() as logs:
            began = time.monotonic()
            async with Events(http, "notes", capacity=3) as events:
                audit = Audit([events.hear])
                for number in range(10):
                    audit.tell("tool", said(f"u-{number}"))
                assert events.dropped == 7
            assert time.monotonic() - began < 30
    assert events.dropped == 10
    spoken = [line["event"] for line in logs if line["event"].startswith("audit events")]
    assert [line for line in spoken if "wait" not in line] == [
        "audit events are dropped: they cannot be published",
        "audit events were not published before the end",
    ]


@pytest.mark.parametrize("apis", [("secrets", "state"), ("publish", "secrets", "state")])
async def test_without_the_component_or_the_right_to_it_the_log_keeps_them(
    sidecars: Sidecars, apis: tuple[str, ...]
) -> None:
    running = sidecars.start("researcher", access=Access(apis=apis))
    async with client_of(running.address) as http:
        with capture_logs() as logs:
            async with Events(http, "researcher") as events:
                events.hear("tool", said("u-1"))
                await eventually(lambda: [line for line in logs if "no component" in line["event"]])
                events.hear("tool", said("u-2"))
    assert events.dropped == 0
    assert [line["event"] for line in logs] == ["audit events stay in the log: the sidecar has no component"]


async def test_a_token_and_the_call_made_with_it_are_told_in_one_trace_and_without_a_secret(
    house: House, notes: Sidecar, tmp_path: Path
) -> None:
    wire = Wire()
    resource = settings_for("notes").resource
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_notes"}}
    async with connect(app_environ(house.issuer), app_id="auth-server", data=tmp_path, routes={}) as world:
        issuer = create_issuer(Settings(identity=IDENTITY, data=tmp_path), world)
        door = create_app(settings_for("notes"), replace(notes, transport=wire), "notes")
        wire.apps = {ISSUER: Traced(issuer), resource.removesuffix("/mcp"): Traced(door)}
        async with lifespan(issuer), lifespan(door), httpx2.AsyncClient(transport=TracedTransport(wire)) as http:
            tokens = Tokens(credentials=ClientSecret("operator", SECRET), http=http, issuer=ISSUER)
            reset = enter(Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"))
            token = (await tokens.fetch(resource)).access_token
            for sent in ({"authorization": f"Bearer {token}"}, {"authorization": f"Bearer {token[:-2]}"}):
                await http.post(resource, json=call, headers=sent | {"accept": "application/json"})
            leave(reset)
    told = await house.until(3)
    assert sorted((event["app"], event["event"], event["outcome"]) for event in told) == [
        ("auth-server", "token", "issued"),
        ("notes", "request", "invalid_token"),
        ("notes", "tool", "called"),
    ]
    assert {event["trace_id"] for event in told} == {"4bf92f3577b34da6a3ce929d0e0e4736"}
    assert len({event["jti"] for event in told if "jti" in event}) == 1
    everything = json.dumps(house.listener.heard)
    assert all(part not in everything for part in (SECRET, *token.split(".")))
