"""RFC 8707 — Resource Indicators: was this token issued for this server?"""

import re
from typing import TypeGuard, cast

from resource_server.errors import InvalidToken

_MOST_NAMES = 16
_SCHEME_AND_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/?#@]*")


def check_audience(audience: object, own: str) -> None:
    """Refuse a token whose `aud` does not name this resource. §2; RFC 9068 §4; MCP, token handling.

    `own` is as `comparable` returns it. One name or a list of names (RFC 7519 §4.1.3); anything else is refused whole.
    """
    names = [audience] if isinstance(audience, str) else audience
    if not _is_list_of_names(names):
        raise InvalidToken("the access token names no audience", detail=f"aud {audience!r:.120}")
    if own not in names and own not in [comparable(name) for name in names]:
        raise InvalidToken("the access token was not issued for this resource", detail=f"aud {audience!r:.200}")


def comparable(resource: str) -> str:
    """Lower-case scheme and host and nothing else: no slash is added, no path touched. MCP, canonical server URI."""
    match = _SCHEME_AND_AUTHORITY.match(resource)
    return resource if match is None else match.group().lower() + resource[match.end() :]


def _is_list_of_names(names: object) -> TypeGuard[list[str]]:
    if not isinstance(names, list):
        return False
    listed = cast("list[object]", names)
    return 0 < len(listed) <= _MOST_NAMES and all(isinstance(name, str) for name in listed)
