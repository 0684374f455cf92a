"""Ports for what tests start: none that outgoing connections or `daca up` are given, and none twice."""

import itertools
import os
import random
from collections.abc import Iterator

from cli.ports import is_free

FIRST, LAST = 10_000, 20_000
ABOVE = 61_000
"""Connections go out by lower ones: Linux takes them up to 60 999."""


def _of_this_worker() -> Iterator[int]:
    """Every worker has its own; where it begins is left to chance, for others may test on this machine too."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = range(FIRST + worker, LAST, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    begin = random.randrange(len(own))
    return itertools.cycle((*own[begin:], *own[:begin]))


_PORTS = _of_this_worker()


def free_port() -> int:
    """A port on which nobody listens."""
    return next(port for port in _PORTS if is_free(port, "127.0.0.1"))


def free_ports(count: int) -> list[int]:
    """Several."""
    return [free_port() for _ in range(count)]


def free_row(count: int) -> int:
    """The first of so many ports in a row on which nobody listens, above all that are given out one by one."""
    while True:
        first = random.randrange(ABOVE, 65_000)
        if all(is_free(port, "127.0.0.1") for port in range(first, first + count)):
            return first
