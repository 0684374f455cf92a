"""What no log line may hold: tokens, secrets, assertions, codes and verifiers, by their name or by their shape."""

import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final, cast

HIDDEN: Final = "[hidden]"

_NAMES: Final = re.compile(
    r"(?:^|[_-])(?:token|secret|password|passwd|assertion|verifier|authorization|cookie|credentials?|kek)$"
    r"|^(?:code|state|nonce|request_uri|auth_req_id|dpop|user_code|device_code|private_key|set-cookie)$",
    re.IGNORECASE,
)
_SHAPES: Final = re.compile(
    r"(?P<jwt>\beyJ[\w-]{5,}\.[\w-]*(?:\.[\w-]*){1,3})"
    r"|(?P<secret>\b[0-9a-f]{32}\.[\w-]{43,})"
    r"|(?P<scheme>\b(?:Bearer|Basic|DPoP) +)[\w.~+/=-]{8,}"
    r"|(?P<field>\b(?:[a-z_]*token|[a-z_]*secret|[a-z_]*assertion|[a-z_]*verifier|auth_req_id|code|password)"
    r"(?:=|['\"]: ?['\"]))"
    r"[^\s&'\",}]+",
    re.IGNORECASE,
)

_NEEDED: Final = re.compile(r"[. ='\"]")
"""No shape is without one of these: most values need no closer look, and every decision writes a line."""

_MOST: Final = 1024
_LONGEST: Final = 256
_SOUND: Final[set[str]] = set()


def redact_text(text: str) -> str:
    """The text with everything that has the shape of a credential hidden."""
    if not _NEEDED.search(text):
        return text
    return _SHAPES.sub(lambda hit: (hit["scheme"] or hit["field"] or "") + HIDDEN, text)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hides values by name, then by shape, however deep they lie."""
    for name, value in event.items():
        # Nearly always a string; the types of the others take longer to tell apart.
        if type(value) is not str:
            event[name] = _hide(name, value)
        elif _names_a_secret(name):
            event[name] = HIDDEN
        elif value not in _SOUND and _NEEDED.search(value):
            event[name] = _examined(value)
    return event


def _examined(text: str) -> str:
    """As `redact_text`, with a memory for texts without a credential that come again, such as URLs."""
    shown = redact_text(text)
    if shown == text and len(text) <= _LONGEST:
        if len(_SOUND) >= _MOST:
            _SOUND.clear()
        _SOUND.add(text)
    return shown


def _hide(name: str, value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _hide(str(key), inner) for key, inner in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_hide(name, inner) for inner in cast("list[object]", value)]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _shown(name, str(value))


def _shown(name: str, text: str) -> str:
    return HIDDEN if _names_a_secret(name) else redact_text(text)


@lru_cache(maxsize=1024)
def _names_a_secret(name: str) -> bool:
    return _NAMES.search(name) is not None
