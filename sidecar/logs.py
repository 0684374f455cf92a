"""How every app writes its log: one JSON object a line on stderr, with credentials hidden, whoever speaks."""

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson
import structlog

from sidecar.lines import Lines
from sidecar.redaction import redact

Sentence: TypeAlias = Callable[[str], None]
"""Writes its line once more, with the id of the trace that it belongs to; empty for none."""

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
    global _short_cut  # noqa: PLW0603  structlog's own configuration is as global
    _short_cut = _ShortCut(lines=lines, app_id=app_id, silent=number > logging.INFO)


def _configure_libraries(shared: list[structlog.typing.Processor], number: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render]
    first = [structlog.stdlib.add_logger_name, *shared]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=first))
    logging.basicConfig(handlers=[handler], level=number, force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def sentence(event: str, said: Mapping[str, str]) -> Sentence:
    """A line at level info that may be written many times: what stays the same in it is hidden and rendered once.

    `said` is not empty. Until `configure_logs` was called, structlog writes it, however it is configured then.
    """
    if _short_cut is not None:
        return _short_cut(event, said)
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return lambda trace_id: log.info(event, **said, **({"trace_id": trace_id} if trace_id else {}))


@dataclass(frozen=True, kw_only=True)
class _ShortCut:
    """Writes what structlog would, in a fraction of the time: each decision of every app is a line."""

    lines: Lines
    app_id: str
    silent: bool

    def __call__(self, event: str, said: Mapping[str, str]) -> Sentence:
        if self.silent:
            return lambda _: None
        write = self.lines.msg
        first = _render(None, "info", redact(None, "info", dict(said))).removesuffix("}")
        then, last = f',"event":{_quoted(event)},"level":"info","timestamp":"', f'","app":{_quoted(self.app_id)}}}'

        def say(trace_id: str) -> None:
            # The id of a trace is hexadecimal: nothing in it needs to be escaped or hidden.
            of_trace = f',"trace_id":"{trace_id}"' if trace_id else ""
            write(f"{first}{of_trace}{then}{_now()}{last}")

        return say


_short_cut: _ShortCut | None = None


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _render(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except orjson.JSONEncodeError:
        # Half a character of UTF-16, a number beyond 64 bits: what a stranger sends must not cost the line.
        return json.dumps(event, default=str)


def _stamped(app_id: str) -> structlog.typing.Processor:
    """How grave, when, and which app: structlog has a processor for each, at twice the time."""

    def add(_logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["level"] = _LEVELS.get(method, method)
        event["timestamp"] = _now()
        event["app"] = app_id
        return event

    return add


def _clock() -> Callable[[], str]:
    """The time in UTC, to the microsecond. RFC 3339."""
    second, written = 0, ""

    def now() -> str:
        nonlocal second, written
        whole, micro = divmod(time.time_ns() // 1000, 1_000_000)
        if whole != second:
            second, written = whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
        return f"{written}.{micro:06d}Z"

    return now


_now = _clock()
