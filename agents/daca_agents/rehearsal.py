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


_WRITE = _RULES[0][0]
_ASK = (
    r"\bask (?:the |your )(?P<peer>[a-z][a-z0-9-]{0,62})\b[,:]?\s+(?:to\s+|for\s+)?(?P<request>.+?)"
    r"(?=[\s,;.]+(?:and\s+|then\s+)*ask (?:the|your) |$)"
)
_WRITTEN = rf"\bfind out (?P<what>.+?),? and have (?:it|that) written down as (?:a |the )?note {_QUOTED}"
_FAILED = "could not be used"
_NEWER = r"is at version (?P<version>\d{1,9}) now"


def plan(text: str, offered: Collection[str] = ()) -> list[Wish]:
    """Every rule that fits the question, each tool once, in the order of the rules; or the agents it says to ask."""
    if direct := re.search(_DIRECT, text, re.DOTALL):
        return [_call(direct)]
    own, asked = _own(text), _asked(text)
    if asked and (any(wish.tool in offered for wish in asked) or not any(wish.tool in offered for wish in own)):
        return asked
    return own


def _own(text: str) -> list[Wish]:
    """What the words want of tools; those of a note to be written want nothing."""
    written = re.search(_WRITE, text, re.IGNORECASE | re.DOTALL)
    before = text[: written.start()] if written else text
    found = [(written, _RULES[0][1])] if written else []
    found += [(re.search(pattern, before, re.IGNORECASE | re.DOTALL), wish) for pattern, wish in _RULES[1:]]
    made = [wish(match) for match, wish in found if match]
    return list({wish.tool: wish for wish in reversed(made)}.values())[::-1]


def _asked(text: str) -> list[Wish]:
    """Whom the words say to ask, and what."""
    if written := re.search(_WRITTEN, text, re.IGNORECASE | re.DOTALL):
        return [Wish(tool="ask_researcher", arguments={"request": written["what"].strip()})]
    asks = re.finditer(_ASK, text, re.IGNORECASE | re.DOTALL)
    made = [Wish(tool=f"ask_{ask['peer'].lower().replace('-', '_')}", arguments=_request(ask)) for ask in asks]
    return list({wish.tool: wish for wish in reversed(made)}.values())[::-1]


def _request(ask: re.Match[str]) -> Arguments:
    return {"request": ask["request"].strip()}


def follow_up(text: str, heard: Collection[Heard], offered: Collection[str]) -> Wish | None:
    """What the rules do with what was heard: read what was found, write down what was answered, write over what is."""
    for after in (_read, _noted, _over):
        if (wish := after(text, heard)) and wish.tool in offered:
            return wish
    return None


def _read(text: str, heard: Collection[Heard]) -> Wish | None:
    if not re.search(r"\bread\b", text, re.IGNORECASE) or any(one.tool == "read_note" for one in heard):
        return None
    names = (_first_hit(one.output) for one in heard if one.tool == "search_notes")
    return next((Wish(tool="read_note", arguments={"name": name}) for name in names if name), None)


def _noted(text: str, heard: Collection[Heard]) -> Wish | None:
    written = re.search(_WRITTEN, text, re.IGNORECASE | re.DOTALL)
    if written is None or any(one.tool == "ask_scribe" for one in heard):
        return None
    found = [one.output for one in heard if one.tool == "ask_researcher" and _FAILED not in one.output]
    request = f"write a note '{written['name']}': {_short(found[0])}" if found else ""
    return Wish(tool="ask_scribe", arguments={"request": request}) if found else None


def _over(text: str, heard: Collection[Heard]) -> Wish | None:
    tried = [one.output for one in heard if one.tool == "write_note"]
    newer = re.search(_NEWER, tried[0]) if len(tried) == 1 else None
    wishes = [wish for wish in _own(text) if wish.tool == "write_note"]
    if newer is None or not wishes:
        return None
    return Wish(tool="write_note", arguments={**wishes[0].arguments, "version": int(newer["version"])})


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
    """One line of what a tool or another agent said."""
    output = output.replace(SAYS_SO, "")
    try:
        said = json.dumps(json.loads(output), ensure_ascii=False)
    except ValueError:
        said = " ".join(output.split())
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"
