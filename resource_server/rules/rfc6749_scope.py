"""RFC 6749 §3.3 — scopes: what was granted, what that implies, what is needed."""

import re
from collections.abc import Iterable, Mapping, Sequence

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def check_scope_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names in order, each once. Raises ValueError for one that is not a scope-token. §3.3."""
    ordered = tuple(dict.fromkeys(names))
    for name in ordered:
        if _SCOPE_TOKEN.fullmatch(name) is None:
            raise ValueError(f"{name!r} is not a scope: RFC 6749 §3.3 wants visible ASCII without quotes or spaces")
    return ordered


def closure_of(implies: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """For each scope everything it implies, directly or through others, itself included."""
    return {scope: frozenset(_reach(scope, implies)) for scope in implies}


def _reach(start: str, implies: Mapping[str, Iterable[str]]) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        scope = ahead.pop()
        if scope not in seen:
            seen.add(scope)
            ahead.extend(implies.get(scope, ()))
    return seen


def with_implied(granted: frozenset[str], closure: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The granted scopes and all that they imply: a broader scope is sufficient. MCP, step-up authorization."""
    return granted.union(*(closure[scope] for scope in granted if scope in closure))


def union_of(*groups: Sequence[str]) -> tuple[str, ...]:
    """Every scope of every group once, in order."""
    return tuple(dict.fromkeys(scope for group in groups for scope in group))
