"""Keeps the A2A library from telling what is said: its log lines hold whole requests, its spans what errors say.

What is worth knowing of a request is told by `a2a_server.py`, in one line of our own.
"""

import logging

from a2a.utils import telemetry
from opentelemetry.trace import NoOpTracerProvider

_SILENT = logging.CRITICAL + 1


def hush() -> None:
    """No line and no span of that library, whatever level is chosen and whoever collects spans."""
    logging.getLogger("a2a").setLevel(_SILENT)
    # It asks this module for a tracer at every call.
    setattr(telemetry, "trace", NoOpTracerProvider())  # noqa: B010  a module is not made for it
