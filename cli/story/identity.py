"""The identity file of a demonstration: the user's own, with one short-lived token, and other ports where asked."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

SHORTEST_LIFETIME = 8


def for_story(identity: Any, *, short_lived: str, moved: Mapping[str, str]) -> dict[str, Any]:
    """Tokens for the resource named `short_lived` live as briefly as may be; every URL of `moved` is its new one."""
    told = cast("dict[str, Any]", _moved(identity, moved))
    for resource in told["resources"]:
        if resource["name"] == short_lived:
            resource["token_lifetime"] = SHORTEST_LIFETIME
    return told


def at_port(url: str, port: int) -> str:
    """The same URL on another port of this machine."""
    split = urlsplit(url)
    return urlunsplit(split._replace(netloc=f"{split.hostname}:{port}"))


def _moved(value: object, moved: Mapping[str, str]) -> object:
    if isinstance(value, Mapping):
        return {_moved(name, moved): _moved(own, moved) for name, own in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_moved(one, moved) for one in cast("Sequence[object]", value)]
    return moved.get(value, value) if isinstance(value, str) else value
