"""Every benchmark, and the page that tells their figures: `python -m bench.run [--rounds N] [--seconds S]`.

The page is `docs/benchmarks.md`; with `--json` the figures go to stdout and the page stays as it is.
"""

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from bench.command import Options
from bench.machine import ROOT
from bench.rounds import Figure, Report, Spread, table

BENCHMARKS = ("token_endpoint", "door", "token_manager", "agent_hops", "memory")
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Made by `make bench` on {date}, on a machine with {cores} cores. The measured server has one core to itself and the load
comes from the other; contestants take turns, so that each ratio is of one moment. What counts is the ratios: rates
are of that machine, on that day. Lowest, median and highest are over {rounds} rounds of {seconds:g} s each.
"""


def main() -> None:
    """Run them one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=Options.rounds)
    parser.add_argument("--seconds", type=float, default=Options.seconds)
    given = parser.parse_args()
    reports = [_measured(name, given.rounds, given.seconds) for name in BENCHMARKS]
    if given.json:
        print(f"[{','.join(report.json() for report in reports)}]")
        return
    head = HEAD.format(
        date=datetime.now(UTC).date().isoformat(), cores=os.cpu_count(), rounds=given.rounds, seconds=given.seconds
    )
    parts = [f"## {report.title}\n\n`{report.command}`\n\n{table(report)}\n" for report in reports]
    PAGE.write_text("\n".join([head, *parts]), encoding="utf-8")
    print("\n".join(parts))
    print(f"written to {PAGE.relative_to(ROOT)}")


def _measured(name: str, rounds: int, seconds: float) -> Report:
    command = [sys.executable, "-m", f"bench.{name}", "--json", f"--rounds={rounds}", f"--seconds={seconds}"]
    print(f"measuring {name} ...", file=sys.stderr)
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return _read(json.loads(done.stdout))


def _read(value: dict[str, Any]) -> Report:
    figures = [_figure(**figure) for figure in value["figures"]]
    return Report(title=value["title"], command=value["command"], figures=figures, notes=value["notes"])


def _figure(*, spread: dict[str, float], **rest: Any) -> Figure:
    return Figure(spread=Spread(**spread), **rest)


if __name__ == "__main__":
    main()
