"""Tells the story as it happens, and remembers whether everything came as it must."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.text import Text


@dataclass(kw_only=True)
class Step:
    """One step: its number in the eight steps, what was seen, and what came otherwise than it must."""

    number: str
    title: str
    seen: dict[str, str] = field(default_factory=dict[str, str])
    outcomes: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])


class Teller:
    """On a console, or silently for a report at the end."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self.steps: list[Step] = []

    @property
    def all_as_expected(self) -> bool:
        """Whether nothing came otherwise."""
        return not any(step.wrong for step in self.steps)

    def step(self, number: str, title: str) -> None:
        """Begin a step."""
        self.steps.append(Step(number=number, title=title))
        self._say(Text(f"\n{number:>2}  {title}", style="bold"))

    def say(self, text: str) -> None:
        """A remark."""
        self._say(Text(f"    {text}", style="dim"))

    def see(self, name: str, value: str) -> None:
        """Something that was seen. Never a token, never a secret."""
        self.steps[-1].seen[name] = value
        self._say(Text(f"    {name:<22} ", style="cyan") + Text(value))

    def see_all(self, values: Mapping[str, object]) -> None:
        """Several, as they stand in a document."""
        for name, value in values.items():
            self.see(name, " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  JSON border

    def expect(self, outcome: str, *, holds: bool, instead: str = "") -> None:
        """An outcome that must be: told as it is."""
        step = self.steps[-1]
        if holds:
            step.outcomes.append(outcome)
            self._say(Text("    ✓ ", style="green") + Text(outcome))
        else:
            step.wrong.append(f"{outcome}: {instead}" if instead else outcome)
            self._say(Text("    ✗ ", style="red") + Text(step.wrong[-1], style="red"))

    def report(self) -> list[dict[str, object]]:
        """Every step, for a program."""
        return [asdict(step) for step in self.steps]

    def _say(self, text: Text) -> None:
        if self._console:
            self._console.print(text)
