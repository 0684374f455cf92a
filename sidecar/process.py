"""How every app runs as a process: its logs, its server, its way to the world, and how it ends."""

import asyncio
import inspect
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import orjson
import structlog
import uvicorn

from sidecar.at_once import HttpAtOnce
from sidecar.connect import Sidecar, connect
from sidecar.leaving import Leaving
from sidecar.lines import Lines
from sidecar.redaction import redact
from sidecar.secrets import SecretMissing, SecretsUnavailable
from sidecar.state import StateUnavailable
from sidecar.watched import Watch, watching

AsgiApp: TypeAlias = Callable[..., Awaitable[None]]
Build: TypeAlias = Callable[[Sidecar], AsgiApp | Awaitable[AsgiApp]]

_GRACE_SECONDS: Final = 5
_LEVELS: Final = {"exception": "error", "warn": "warning"}
_QUIET: Final = ("httpx2", "httpcore2", "httpx", "httpcore", "asyncio", "uvicorn.access")
"""Libraries that name every URL they call at level info."""


def configure_logs(app_id: str, *, level: str = "info") -> None:
    """One JSON object a line on stderr, from our own logs and every library's, with credentials hidden."""
    shared: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        redact,
        # After it: nothing of these comes from outside, and each decision writes a line.
        _stamped(app_id),
    ]
    number = logging.getLevelNamesMapping()[level.upper()]
    lines = Lines(sys.stderr)
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    _configure_libraries(shared, number)


def _configure_libraries(shared: list[structlog.typing.Processor], number: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render]
    first = [structlog.stdlib.add_logger_name, *shared]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=first))
    logging.basicConfig(handlers=[handler], level=number, force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def _render(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except orjson.JSONEncodeError:
        # Half a character of UTF-16, a number beyond 64 bits: what a stranger sends must not cost the line.
        return json.dumps(event, default=str)


def _stamped(app_id: str) -> structlog.typing.Processor:
    """How grave, when, and which app: structlog has a processor for each, at twice the time."""
    second, written = 0, ""

    def add(_logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        nonlocal second, written
        now, micro = divmod(time.time_ns() // 1000, 1_000_000)
        if now != second:
            second, written = now, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        event["level"] = _LEVELS.get(method, method)
        event["timestamp"] = f"{written}.{micro:06d}Z"
        event["app"] = app_id
        return event

    return add


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
        timeout_graceful_shutdown=_GRACE_SECONDS,
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
