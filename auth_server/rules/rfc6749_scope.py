"""RFC 6749 §3.3 — Scope: which of the requested scopes may be granted?"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from auth_server.errors import InvalidScope

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")
Implies = Mapping[str, frozenset[str]]


def is_scope_token(text: str) -> bool:
    """Whether the text is one scope-token. §3.3."""
    return _SCOPE_TOKEN.fullmatch(text) is not None


def split(scope: str | None) -> tuple[str, ...]:
    """The scope-tokens of a request, each once, in its order. Raises InvalidScope for malformed ones. §3.3."""
    if scope is None:
        return ()
    tokens = tuple(dict.fromkeys(scope.split(" ")))
    if not all(map(is_scope_token, tokens)):
        raise InvalidScope("scope is malformed: tokens are separated by single spaces")
    return tokens


def expand(scopes: Iterable[str], implies: Implies) -> frozenset[str]:
    """The scopes with all that they carry; `implies` is transitive already."""
    direct = frozenset(scopes)
    return direct.union(*(implies.get(scope, frozenset()) for scope in direct))


def choose(requested: Sequence[str], *, within: Collection[str], default: Sequence[str]) -> tuple[str, ...]:
    """What to grant: all that was asked, else the default within what the client may have. Raises InvalidScope. §3.3.

    More than it may have is refused, not narrowed: a machine has nobody who would notice the difference.
    """
    if missing := [scope for scope in requested if scope not in within]:
        raise InvalidScope("the client may not have this scope here: " + " ".join(missing))
    granted = tuple(requested) or tuple(scope for scope in default if scope in within)
    if not granted:
        raise InvalidScope("no scope was requested and there is no default that the client may have")
    return granted
