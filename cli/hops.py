"""The chain of hops as it is drawn: one line for each thing that happens, indented by how far away it happened."""

import json
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from cli.enquiry import Event

_LONGEST: Final = 160
_INDENT: Final = "  "


class Hops:
    """Draws on a console, as it happens. `name` is the agent that was asked, `who` asked it."""

    def __init__(self, console: Console, name: str, who: str) -> None:
        self._console = console
        self._name = name
        self._who = who

    def begin(self, text: str) -> None:
        """The first hop."""
        self._line(0, "", "bold", f"{self._who} → {self._name}", brief(text))

    def draw(self, event: Event) -> None:
        """One thing that happened; kinds that nobody told us of are drawn by their name."""
        at = [str(place) for place in event.get("at") or ()]
        where = at[-1] if at else self._who
        mark, style, head, rest = _line_of(str(event["event"]), where, event)
        if head:
            self._line(max(len(at), 1), mark, style, head, rest)

    def _line(self, depth: int, mark: str, style: str, head: str, rest: str) -> None:
        line = Text(_INDENT * depth) + Text(mark, style=style) + Text(brief(head), style=style)
        self._console.print(line + Text(f"  {rest}" if rest else "", style="dim"))


def _line_of(kind: str, where: str, event: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Mark, style, what happened, and more of it in grey; nothing for what is no step."""

    def said(name: str) -> str:
        value = event.get(name)
        return brief(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else "")

    if kind in {"token", "final", "task"}:
        return "", "", "", ""
    drawn = {
        "token_obtained": ("· ", "cyan", f"{where} has a token for {said('resource')}: {said('scope')}", _how(event)),
        "peer_asked": ("", "bold", f"{where} → {said('peer')}", said("request")),
        "peer_answered": ("", "bold", f"{where} ← {said('peer')}", said("state")),
        "tool_called": ("▸ ", "", f"{where} calls {said('tool')}", said("arguments")),
        "tool_result": _result(where, said("tool"), said("output"), failed=bool(event.get("error"))),
        "tool_refused": ("✗ ", "red", f"{where}: {said('tool')} refused by {said('server')}", said("why")),
        "server_away": ("✗ ", "yellow", f"{where} goes on without {said('server')}", said("why")),
        "approval_needed": ("? ", "yellow", f"{where} waits for a yes to {said('tool')}", said("arguments")),
        "approved": ("✓ ", "green", f"{where}: {said('tool')} was approved", said("by")),
        "declined": ("✗ ", "red", f"{where}: {said('tool')} was declined", said("by")),
        "consent_needed": (
            *("? ", "yellow", f"{where} asks a person for {said('scope')} at {said('server')}: {said('at_url')}"),
            said("binding_message"),
        ),
        "error": ("✗ ", "red", f"{where}: {said('message')}", ""),
    }
    return drawn.get(kind, ("· ", "", f"{where}: {brief(kind)}", ""))


def _result(where: str, tool: str, output: str, *, failed: bool) -> tuple[str, str, str, str]:
    if failed:
        return "✗ ", "red", f"{where}: {tool} said no", output
    return "✓ ", "green", f"{where}: {tool} answered", output


def _how(event: Mapping[str, Any]) -> str:
    """Of whom it came."""
    actors = " ← ".join(str(one).removeprefix("client:") for one in event.get("actors") or ())
    said = str(event.get("how", ""))
    return brief(f"{said}, acting: {actors}" if actors else said)


def brief(text: str) -> str:
    """One line of what came over the wire, without anything that a terminal would obey."""
    line = " ".join(printable(text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def printable(text: str) -> str:
    """Whatever was sent, without control characters: escape sequences would be obeyed. Lines and tabs stay."""
    return "".join(one for one in text if one in "\n\t" or one.isprintable())
