"""The log of a whole system: one stream, each line with the name of whoever wrote it."""

import json
from collections.abc import Sequence
from typing import IO, Final, cast

from rich.console import Console
from rich.text import Text

_COLOURS: Final = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_yellow")
_LOUD: Final = {"warning": "yellow", "error": "red", "critical": "bold red"}
_OWN: Final = "daca"
_SHOWN_ELSEWHERE: Final = frozenset({"event", "msg", "level", "timestamp", "time", "app", "app_id", "instance", "ver"})


class PrefixedLog:
    """Lines as they are for a machine; in a terminal coloured, and JSON unfolded into words."""

    def __init__(self, console: Console, labels: Sequence[str]) -> None:
        self._console = console
        self._width = max(len(label) for label in (*labels, _OWN))
        self._colours = {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}

    def line(self, label: str, text: str) -> None:
        """What a program wrote."""
        body = _unfolded(text) if self._console.is_terminal else Text(text)
        self._console.print(Text(f"{label:<{self._width}} | ", style=self._colours.get(label, "bold")) + body)

    def note(self, text: str) -> None:
        """What the supervisor did."""
        self.line(_OWN, text)


class FileLog:
    """The same into a file, for a command that tells its own story on the screen."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def line(self, label: str, text: str) -> None:
        """What a program wrote."""
        print(f"{label} | {text}", file=self._file, flush=True)

    def note(self, text: str) -> None:
        """What the supervisor did."""
        self.line(_OWN, text)


def _unfolded(text: str) -> Text:
    try:
        parsed: object = json.loads(text)
    except ValueError:
        return Text(text)
    if not isinstance(parsed, dict):
        return Text(text)
    fields = cast("dict[str, object]", parsed)
    message = str(fields.get("event") or fields.get("msg") or "")
    rest = " ".join(f"{name}={value}" for name, value in fields.items() if name not in _SHOWN_ELSEWHERE)
    style = _LOUD.get(str(fields.get("level", "")), "")
    return Text(message, style=style) + Text(f"  {rest}" if rest else "", style="dim")
