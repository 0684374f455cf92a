"""Rounds in turn and their ratios: two contestants meet the same minute of the same machine."""

import json
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A figure over several rounds."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(low=min(values), median=statistics.median(values), high=max(values))


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the report: what was measured, in which unit, and what was aimed for."""

    name: str
    unit: str
    spread: Spread
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """The figures of one benchmark, and what stands between the lines."""

    title: str
    command: str
    figures: Sequence[Figure]
    notes: Sequence[str] = field(default_factory=tuple)

    def json(self) -> str:
        return json.dumps(asdict(self), indent=2)


async def in_turn(contestants: Mapping[str, Callable[[], Awaitable[float]]], rounds: int) -> dict[str, list[float]]:
    """Each contestant once a round; who goes first changes with the round."""
    results: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        order = list(contestants.items())
        for name, run in order if number % 2 == 0 else reversed(order):
            results[name].append(await run())
    return results


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours over theirs, round by round."""
    return Spread.of([a / b for a, b in zip(ours, theirs, strict=True)])


def at_least(name: str, unit: str, values: Spread, goal: float) -> Figure:
    """A figure whose median should reach a goal."""
    return Figure(name=name, unit=unit, spread=values, goal=f"≥ {goal:g}", met=values.median >= goal)


def at_most(name: str, unit: str, values: Spread, goal: float) -> Figure:
    """A figure whose median should stay under a goal."""
    return Figure(name=name, unit=unit, spread=values, goal=f"≤ {goal:g}", met=values.median <= goal)


def table(report: Report) -> str:
    """The report for a person, which is Markdown as well."""
    head = f"| {report.title} | lowest | median | highest | goal |"
    return "\n".join(
        [
            head,
            "| --- | ---: | ---: | ---: | --- |",
            *map(_line, report.figures),
            *(f"\n{note}" for note in report.notes),
        ]
    )


def _line(figure: Figure) -> str:
    spread = figure.spread
    cells = " | ".join(_number(value) for value in (spread.low, spread.median, spread.high))
    verdict = {None: "", True: " met", False: " **missed**"}[figure.met]
    return f"| {figure.name}, {figure.unit} | {cells} | {figure.goal}{verdict} |"


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
