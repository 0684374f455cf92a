"""What the rehearsed model does: a few visible rules from words to tool calls. Pure; no model, no network."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast
from zoneinfo import available_timezones

SAYS_SO = "[rehearsed: no language model is configured, fixed rules wrote this]"

Arguments = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A tool that a rule would call, and with what."""

    tool: str
    arguments: Arguments


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a tool said, as the loop hands it on."""

    tool: str
    output: str


_SHOWN = 1000


def _call(found: re.Match[str]) -> Wish:
    """The way to any tool: `call NAME {JSON}`."""
    try:
        arguments: Any = json.loads(found["json"])
    except ValueError:
        arguments = {}
    known: Arguments = cast("Arguments", arguments) if isinstance(arguments, dict) else {}
    return Wish(tool=found["tool"].lower(), arguments=known)


_DIRECT = r"\bcall (?P<tool>[a-z][a-z0-9_]{0,63}) (?P<json>\{.*\})"
_QUOTED = r"[\"'\u201c](?P<name>[^\"'\u201c\u201d]{1,100})[\"'\u201d]"
_RULES: tuple[tuple[str, Callable[[re.Match[str]], Wish]], ...] = (
    (
        rf"\bwrite (?:a |the )?note (?:named |called )?{_QUOTED}\s*:\s*(?P<text>.+)",
        lambda found: Wish(tool="write_note", arguments={"name": found["name"], "text": found["text"].strip()}),
    ),
    (
        rf"\bdelete (?:the )?note (?:named |called )?{_QUOTED}",
        lambda found: Wish(tool="delete_note", arguments={"name": found["name"]}),
    ),
    (
        rf"\bread (?:the )?note (?:named |called )?{_QUOTED}",
        lambda found: Wish(tool="read_note", arguments={"name": found["name"]}),
    ),
    (
        r"\b(?:find|search|read|look up)\b[^.?!]*?\bnotes? (?:about|for|on|with|mentioning) (?P<query>[^.?!\n]{1,200})",
        lambda found: Wish(tool="search_notes", arguments={"query": found["query"].strip(" \"'")}),
    ),
    (r"\b(?:list|which|what|all)\b[^.?!]*\bnotes\b", lambda _: Wish(tool="list_notes", arguments={})),
    (r"\b(?:time|date|clock|day is it)\b", lambda found: Wish(tool="get_time", arguments=_zone_in(found.string))),
)


def plan(text: str) -> list[Wish]:
    """Every rule that fits the question, each tool once, in the order of the rules."""
    if direct := re.search(_DIRECT, text, re.DOTALL):
        return [_call(direct)]
    found = ((re.search(pattern, text, re.IGNORECASE | re.DOTALL), wish) for pattern, wish in _RULES)
    made = [wish(match) for match, wish in found if match]
    return list({wish.tool: wish for wish in reversed(made)}.values())[::-1]


def follow_up(text: str, heard: Collection[Heard], offered: Collection[str]) -> Wish | None:
    """After a search, read the first note that was found, if reading was asked for."""
    if not re.search(r"\bread\b", text, re.IGNORECASE) or "read_note" not in offered:
        return None
    if any(one.tool == "read_note" for one in heard):
        return None
    for one in heard:
        if one.tool == "search_notes" and (name := _first_hit(one.output)):
            return Wish(tool="read_note", arguments={"name": name})
    return None


def answer(wishes: Collection[Wish], heard: Collection[Heard], offered: Collection[str]) -> str:
    """The last words: what each tool said, and what could not be asked."""
    lines = [f"{one.tool} says: {_short(one.output)}" for one in heard]
    lines += [
        f"I may not use {wish.tool}: no tool server offers it to me." for wish in wishes if wish.tool not in offered
    ]
    if not lines:
        known = ", ".join(sorted(offered)) or "no tools at all"
        lines = [f"No rule of mine fits. Ask for the time in a city, or for notes. I have: {known}."]
    return "\n".join([SAYS_SO, *lines])


def _zone_in(text: str) -> Arguments:
    """The IANA zone that is named in the text, by itself or by its city; else none, which is UTC."""
    zones = available_timezones()
    for word in re.findall(r"[A-Za-z]+(?:/[A-Za-z_+\-0-9]+)+|\bUTC\b", text):
        return {"time_zone": word}
    cities = {zone.rsplit("/", 1)[-1].replace("_", " ").casefold(): zone for zone in sorted(zones) if "/" in zone}
    named = [city for city in cities if re.search(rf"\bin {re.escape(city)}\b", text, re.IGNORECASE)]
    if named:
        return {"time_zone": cities[max(named, key=len)]}
    place = re.search(r"\bin ([A-Z][A-Za-z]{1,40})", text)
    return {"time_zone": place[1]} if place else {}


def _first_hit(output: str) -> str | None:
    try:
        hits = json.loads(output)["hits"]
        return str(hits[0]["name"])
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def _short(output: str) -> str:
    """One line of what a tool said."""
    try:
        said = json.dumps(json.loads(output), ensure_ascii=False)
    except ValueError:
        said = " ".join(output.split())
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"
