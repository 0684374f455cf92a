"""The identity file of a demonstration: the user's own, with one short-lived token, and other ports where asked."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

SHORTEST_LIFETIME = 8
_ASK = "agent:ask"


def for_story(identity: Any, *, short_lived: str, moved: Mapping[str, str]) -> dict[str, Any]:
    """Tokens for the resource named `short_lived` live as briefly as may be; every URL of `moved` is its new one."""
    told = cast("dict[str, Any]", _moved(identity, moved))
    for resource in told["resources"]:
        if resource["name"] == short_lived:
            resource["token_lifetime"] = SHORTEST_LIFETIME
    return told


def for_chain(told: dict[str, Any], courier: Mapping[str, Any]) -> dict[str, Any]:
    """What the second half needs: a client with a key, a chain of two at most, and one edge that makes three.

    Scribe may delete too, so that nothing but a person's yes is missing.
    """
    urls = {resource["name"]: resource["uri"] for resource in told["resources"]}
    clients = {client["client_id"]: client for client in told["clients"]}
    clients["researcher"]["delegation"][_ASK][urls["scribe"]] = [_ASK]
    clients["scribe"]["delegation"][_ASK][urls["notes"]] = ["mcp:write", "mcp:delete"]
    proof = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [courier]}}
    own = {"client_id": "courier", **proof, "resources": {urls["notes"]: ["mcp:read"]}}
    return {**told, "delegation_depth": 2, "clients": [*told["clients"], own]}


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
