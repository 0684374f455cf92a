"""How every app runs as a process: its server, its way to the world, and how it ends."""

import asyncio
import inspect
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import structlog
import uvicorn

from sidecar.at_once import HttpAtOnce
from sidecar.connect import Sidecar, connect
from sidecar.leaving import Leaving
from sidecar.logs import configure_logs
from sidecar.secrets import SecretMissing, SecretsUnavailable
from sidecar.state import StateUnavailable
from sidecar.watched import Watch, watching

AsgiApp: TypeAlias = Callable[..., Awaitable[None]]
Build: TypeAlias = Callable[[Sidecar], AsgiApp | Awaitable[AsgiApp]]

GRACE_SECONDS: Final = 5
"""For requests under way when a process is told to end."""


def server_config(app: AsgiApp, *, host: str, port: int) -> uvicorn.Config:
    """The server as every app runs it: what a request says about proxies and hosts is not believed, nothing is told."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="none",
        http=HttpAtOnce,
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@dataclass(frozen=True, kw_only=True)
class Process:
    """Who this process is, where it listens, where its files are, and who else is where (see `connect`)."""

    app_id: str
    host: str
    port: int
    data: Path
    routes: Mapping[str, str]


def run(build: Build, process: Process, *, environ: Mapping[str, str] = os.environ) -> None:
    """Run one app until SIGINT or SIGTERM: connect, build, serve, let running requests end, disconnect.

    Ends the process with status 1 and one log line when it cannot start.
    """
    configure_logs(process.app_id, level=environ.get("DACA_LOG_LEVEL", "info"))
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner, watching(environ, process.app_id) as watch:
            started = runner.run(_serve(build, process, environ, watch))
    except KeyboardInterrupt:
        return
    except (StateUnavailable, SecretsUnavailable, SecretMissing, ValueError, OSError) as error:
        structlog.get_logger().error("cannot start", why=str(error))
        sys.exit(1)
    if not started:
        sys.exit(1)


async def _serve(build: Build, process: Process, environ: Mapping[str, str], watch: Watch) -> bool:
    async with connect(
        environ,
        app_id=process.app_id,
        data=process.data,
        routes=process.routes,
        listeners=watch.listeners,
        outgoing=watch.outgoing,
    ) as sidecar:
        built = build(sidecar)
        app: AsgiApp = await built if inspect.isawaitable(built) else built
        leaving = Leaving(watch.around(app, sidecar))
        server = _Server(server_config(leaving, host=process.host, port=process.port))
        with _told_to_leave(leaving):
            await server.serve()
        return server.started


@contextmanager
def _told_to_leave(leaving: Leaving) -> Generator[None]:
    """SIGUSR1, from `sidecar.drain`, says that the pod is being taken out of service."""
    if sys.platform == "win32":
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, leaving.begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)


class _Server(uvicorn.Server):
    """Ends on a signal by returning: uvicorn's own would raise it once more and skip whatever closes after it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415  there is none on Windows

    return uvloop.new_event_loop
