"""RFC 9111 — For how long may an answer be used without asking again? Within bounds of our own. CIMD §4.4.

The lower bound makes the few look-ups of one authorization one fetch, whatever the header fields say.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

SHORTEST = 10
LONGEST = 24 * 3600
UNSAID = 300
_DIRECTIVE = re.compile(r"\s*([a-z-]+)\s*(?:=\s*\"?([0-9]{1,10})\"?\s*)?$", re.IGNORECASE)


def lifetime(headers: Mapping[str, str]) -> int:
    """In seconds, from header fields with names in lower case. §4.2.1, §5.2.2."""
    return max(SHORTEST, min(LONGEST, _said(headers)))


def _said(headers: Mapping[str, str]) -> int:
    directives = _directives(headers.get("cache-control", ""))
    if not directives.keys().isdisjoint({"no-store", "no-cache", "private"}):
        return 0
    for name in ("s-maxage", "max-age"):
        if (seconds := directives.get(name)) is not None:
            return int(seconds) - _age(headers)
    if "expires" in headers:
        return _until(headers) - _age(headers)
    return UNSAID


def _directives(text: str) -> dict[str, str]:
    """Each once; what is malformed counts as stale. §4.2.1."""
    found = [_DIRECTIVE.match(part) for part in text.split(",")]
    return {one[1].lower(): one[2] or "0" for one in found if one}


def _age(headers: Mapping[str, str]) -> int:
    age = headers.get("age", "").strip()
    return int(age) if age.isascii() and age.isdecimal() and len(age) <= len(str(LONGEST)) else 0


def _until(headers: Mapping[str, str]) -> int:
    try:
        expires = parsedate_to_datetime(headers["expires"])
        return int((expires - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, ValueError, TypeError, OverflowError):
        return 0
