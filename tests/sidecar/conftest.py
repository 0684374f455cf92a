"""Real stores and real sidecars for the tests of this folder, each on free ports with data of its own."""

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from sidecar.components import Access, Value, render, render_configuration
from sidecar.dapr_http import Address, client_of
from sidecar.dapr_state import DaprState
from sidecar.daprd import DaprdSpec, command
from sidecar.embedded import SqliteState
from sidecar.state import State
from tests.ports import free_port, free_ports

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = Access(apis=("invoke", "secrets", "state"))


def _wait(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 90
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _daprd() -> Path:
    here = ROOT / "bin" / "daprd"
    found = str(here) if here.exists() else shutil.which("daprd") or str(Path.home() / ".dapr" / "bin" / "daprd")
    return Path(found)


@dataclass(kw_only=True)
class RunningDaprd:
    """One sidecar, which can be killed and started again with the same ports and files."""

    spec: DaprdSpec
    log: Path
    process: "subprocess.Popen[bytes]" = field(init=False)

    @property
    def address(self) -> Address:
        return Address(url=f"http://127.0.0.1:{self.spec.http_port}", token=self.spec.api_token)

    def start(self) -> None:
        argv, added = command(_daprd(), self.spec)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, env={**os.environ, **added}, stdout=log, stderr=log)
        _wait(self._is_ready, self.process, self.log)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        _stop(self.process)

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.address.url}/v1.0/healthz/outbound", trust_env=False).is_success
        except httpx2.TransportError:
            return False


@dataclass(kw_only=True)
class Sidecars:
    """Starts sidecars that share one folder: secrets, SQLite state and the register of names."""

    folder: Path
    stack: ExitStack

    def start(
        self,
        app_id: str,
        *,
        access: Access = EVERYTHING,
        app_port: int | None = None,
        store: str = "sqlite",
        values: Mapping[str, str] | None = None,
    ) -> RunningDaprd:
        resources = self._resources(store, values or {})
        replica = f"{app_id}-{secrets.token_hex(3)}"
        config = render_configuration(
            ROOT / "components" / "config",
            self.folder / f"{replica}.yaml",
            access=access,
            names=self.folder / "names.db",
            resolver="sqlite",
        )
        http, grpc, internal, metrics = free_ports(4)
        spec = DaprdSpec(
            app_id=app_id,
            app_port=app_port,
            http_port=http,
            grpc_port=grpc,
            internal_port=internal,
            metrics_port=metrics,
            resources=resources,
            config=config,
            api_token=secrets.token_hex(16),
            app_token=secrets.token_hex(16),
        )
        running = RunningDaprd(spec=spec, log=self.folder / f"{replica}.log")
        running.start()
        self.stack.callback(running.stop)
        return running

    def _resources(self, store: str, values: Mapping[str, str]) -> Path:
        folder = self.folder / f"components-{store}"
        given: dict[str, Value] = {
            "state_file": str(self.folder / "state.db"),
            "secrets_file": str(self.folder / "secrets.json"),
            "state_apps": ["auth-server", "notes", "researcher"],
            "secret_apps": ["auth-server", "researcher"],
            "publishing": "auth-server=audit;notes=audit;listener=",
            "subscribing": "listener=audit",
            **values,
        }
        render(ROOT / "components", folder, given)
        if store != "sqlite":
            render(ROOT / "components" / store, folder, given)
        return folder


@pytest.fixture(scope="module")
def sidecars(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sidecars]:
    folder = tmp_path_factory.mktemp("sidecars")
    # A register of names for each module: a sidecar of another one with the same app-id would be a replica.
    made = {"client-researcher": {"secret": "r1"}, "auth-server-kek": {"kek": "k1"}, "client-empty": {"secret": ""}}
    (folder / "secrets.json").write_text(json.dumps(made))
    with ExitStack() as stack:
        yield Sidecars(folder=folder, stack=stack)


@dataclass(kw_only=True)
class RunningServer:
    """A database server of the tests' own."""

    port: int
    process: "subprocess.Popen[bytes]"


def start_redis(folder: Path, port: int | None = None) -> RunningServer:
    port = port or free_port()
    log = folder / "redis.log"
    flags = ["--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes", "--save", ""]
    with log.open("wb") as output:
        process = subprocess.Popen(["redis-server", "--port", str(port), *flags], stdout=output, stderr=output)
    _wait(lambda: _accepts(port), process, log)
    return RunningServer(port=port, process=process)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningServer]:
    server = start_redis(tmp_path_factory.mktemp("redis"))
    yield server
    _stop(server.process)


def _as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root: become the user that Debian's package made."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []


@pytest.fixture(scope="session")
def postgres() -> Generator[RunningServer]:
    port = free_port()
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    binaries = str(debian[0]) if debian else str(Path(shutil.which("postgres") or "").parent)
    folder = Path(tempfile.mkdtemp(prefix="daca-postgres-"))
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    data = str(folder / "data")
    initdb = [f"{binaries}/initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8"]
    subprocess.run([*_as_postgres(), *initdb], check=True, capture_output=True, cwd=folder)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
    argv = [*_as_postgres(), f"{binaries}/postgres", "-D", data, "-p", str(port), *options]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=output, cwd=folder)
    _wait(lambda: b"ready to accept connections" in log.read_bytes(), process, log)
    yield RunningServer(port=port, process=process)
    process.send_signal(signal.SIGINT)
    process.wait()
    shutil.rmtree(folder)


class Clock:
    """Time as a test wants it; starts now, since the stores keep their own."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@dataclass(kw_only=True)
class Store:
    """One store, and two replicas of one app over it: two processes wherever there are sidecars."""

    replicas: Sequence[State]
    clock: Clock
    key: str
    open_impatient: Callable[[], State]
    """A replica whose store drops expired records as soon as it can, by its own clock."""

    @property
    def state(self) -> State:
        return self.replicas[0]

    @property
    def other(self) -> State:
        return self.replicas[1]


@pytest.fixture(scope="module")
def replicas_of(
    sidecars: Sidecars, request: pytest.FixtureRequest
) -> Callable[[str], tuple[RunningDaprd, RunningDaprd]]:
    """Two sidecars over the named store, started once."""
    started: dict[str, tuple[RunningDaprd, RunningDaprd]] = {}

    def values(store: str) -> dict[str, str]:
        if store == "redis":
            return {"redis_host": f"127.0.0.1:{request.getfixturevalue('redis').port}", "redis_password": ""}
        if store == "postgres":
            port = request.getfixturevalue("postgres").port
            return {"postgres_url": f"host=127.0.0.1 port={port} user=postgres dbname=postgres"}
        return {}

    def replicas(store: str) -> tuple[RunningDaprd, RunningDaprd]:
        if store not in started:
            given = values(store)
            started[store] = (
                sidecars.start("auth-server", store=store, values=given),
                sidecars.start("auth-server", store=store, values=given),
            )
        return started[store]

    return replicas


STORES = [
    "embedded",
    pytest.param("sqlite", marks=pytest.mark.needs("daprd")),
    pytest.param("redis", marks=pytest.mark.needs("daprd", "redis")),
    pytest.param("postgres", marks=pytest.mark.needs("daprd", "postgres")),
]


@pytest.fixture(params=STORES)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, replicas_of: Callable[[str], tuple[RunningDaprd, RunningDaprd]]
) -> AsyncGenerator[Store]:
    clock = Clock()
    key = secrets.token_hex(8)
    async with AsyncExitStack() as stack:
        if request.param == "embedded":
            path = tmp_path / "state.db"
            states = [await stack.enter_async_context(SqliteState(path, "app", clock=clock)) for _ in range(2)]
            impatient = await stack.enter_async_context(SqliteState(path, "app"))
            yield Store(replicas=states, clock=clock, key=key, open_impatient=lambda: impatient)
        else:
            running = replicas_of(request.param)
            clients = [await stack.enter_async_context(client_of(one.address)) for one in running]
            states = [DaprState(client, clock=clock) for client in clients]
            # Its own clock stands still: a record is good until the store drops it. With a clock that runs, no grace
            # would leave a moment in which the record is over and still there, renewed for ever.
            impatient = DaprState(clients[0], clock=clock, grace=0)
            yield Store(replicas=states, clock=clock, key=key, open_impatient=lambda: impatient)


@pytest.fixture
def redis_of_its_own(tmp_path: Path) -> Generator[RunningServer]:
    """For the test that ends it."""
    server = start_redis(tmp_path)
    yield server
    _stop(server.process)


@pytest.fixture
def unused_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def unused_ports() -> list[int]:
    return free_ports(4)


@pytest.fixture
def clock() -> Clock:
    return Clock()
