"""The command line that every benchmark has."""

import argparse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import uvloop

from bench.rounds import Report, table


@dataclass(frozen=True, kw_only=True)
class Options:
    """How long to measure."""

    rounds: int = 5
    seconds: float = 4.0


def run(measure: Callable[[Options], Awaitable[Report]]) -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="figures for a program")
    parser.add_argument("--rounds", type=int, default=Options.rounds)
    parser.add_argument("--seconds", type=float, default=Options.seconds, help="of load, per contestant and round")
    given = parser.parse_args()

    async def measured() -> Report:
        return await measure(Options(rounds=given.rounds, seconds=given.seconds))

    report = uvloop.run(measured())
    print(report.json() if given.json else table(report))
