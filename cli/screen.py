"""What a person sees: colours in a terminal, plain lines anywhere else; JSON for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def stdout() -> Console:
    """A console on stdout. Rich itself honours NO_COLOR and leaves colours out of anything but a terminal."""
    return Console(highlight=False, soft_wrap=True)


def stderr() -> Console:
    """The same on stderr: logs, progress and failures."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """One line, for a program that reads lines."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in a terminal; tab-separated lines with no heading elsewhere, for `cut` and `awk`."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    stdout().print(table)
