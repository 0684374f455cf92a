"""RFC 7493 — I-JSON: a text that every parser reads alike, or none at all.

A door that decides on one reading of a message while the app acts on another is no door.
"""

import json
import math
import re
from typing import NoReturn, TypeAlias

import orjson

from resource_server.errors import Unparseable

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""What a text stands for."""

_SPACE = " \t\n\r"
_OUTSIDE_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"|([\[{])|([\]}])', re.DOTALL)


def read_json(text: bytes, *, max_depth: int = 64) -> Json:
    """Parse UTF-8 JSON without repeated names, NaN, infinities or deep nesting. §2.1, §2.2, §2.3.

    Raises Unparseable.
    """
    if not _is_shallow(text, max_depth):
        raise Unparseable(f"JSON is nested more than {max_depth} deep")
    if (value := _canonical(text)) is not None:
        return value
    try:
        value = _decoded(text.decode("utf-8").strip(_SPACE))
        if b"\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair fails here
    except (ValueError, RecursionError) as error:
        raise Unparseable("not valid JSON, or JSON with repeated names or numbers out of range") from error
    return value


def _canonical(text: bytes) -> Json:
    """The value of a text that is written as a program writes it: from the value alone comes the same text again.

    Then nothing in it can be read in two ways: no name came twice, no number was out of range, nothing was left over.
    Nearly every client sends such a text, and this takes a third of the time. None for any other.
    """
    try:
        value = orjson.loads(text)
        return value if orjson.dumps(value) == text else None
    except ValueError:
        return None


def _decoded(text: str) -> Json:
    value: Json
    value, end = _DECODER.raw_decode(text)
    if end != len(text):
        raise ValueError("something follows the value")
    return value


def _is_shallow(text: bytes, limit: int) -> bool:
    # Nearly every text opens fewer than that in all: what is left without them tells in one look.
    if len(text) - len(text.translate(None, b"{[")) <= limit:
        return True
    depth = 0
    for match in _OUTSIDE_STRINGS.finditer(text):
        opening, closing = match.groups()
        depth += (opening is not None) - (closing is not None)
        if depth > limit:
            return False
    return True


def _each_name_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is repeated")
    return members


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _refuse_constant(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_each_name_once, parse_float=_finite, parse_constant=_refuse_constant)
