"""RFC 8693 — Token Exchange: may this client go on in the name of whoever called it, to which resource, how far?

Who proves to be which client, and whether the subject token is ours and still counts, is decided elsewhere.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from auth_server.errors import InvalidRequest, InvalidScope, InvalidTarget
from auth_server.models import Claims, Client, Identity, Reach, Resource
from auth_server.rules.rfc6749_scope import Implies, expand
from auth_server.rules.rfc9068_access_token import machine_subject

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
_TYPES = (ACCESS_TOKEN, JWT)
LARGEST = 2048
"""Of the claims of an exchanged token, in bytes of JSON: with its signature it fits any header."""


def check_types(subject_type: str, requested_type: str | None, *, actor: bool) -> str:
    """The type of the token to issue. Raises InvalidRequest. §2.1."""
    if subject_type not in _TYPES:
        raise InvalidRequest(f"subject_token_type must be {ACCESS_TOKEN} or {JWT}")
    if actor:
        raise InvalidRequest("the authenticated client is the actor: send no actor_token")
    if requested_type not in (None, *_TYPES):
        raise InvalidRequest(f"requested_token_type must be {ACCESS_TOKEN} or {JWT}")
    return requested_type or ACCESS_TOKEN


def check_addressed(claims: Claims, client: Client) -> None:
    """Accept a token that was issued for the resource that this client serves, and no other. §5.

    Whoever else holds it may use it nowhere; a token that was exchanged is exchanged again by its next holder alone.
    """
    if client.answers_at is None or claims.get("aud") != client.answers_at:
        raise InvalidRequest(
            "subject_token is addressed to another resource: a client exchanges tokens that were issued for its own",
            detail=f"aud {claims.get('aud')}",
        )


def check_may_act(claims: Claims, client: Client, issuer: str) -> None:
    """Accept an actor that the token itself names, when it names any. §4.4."""
    if "may_act" not in claims:
        return
    named = _members(claims["may_act"])
    if (named.get("sub"), named.get("iss", issuer)) != (machine_subject(client.client_id), issuer):
        raise InvalidRequest("subject_token names in may_act who may act with it: not this client", detail="may_act")


def actors(act: object) -> tuple[str, ...]:
    """The chain of actors, the latest first. §4.1."""
    return tuple(_actors(act))


def _actors(act: object) -> Iterator[str]:
    while members := _members(act):
        yield str(members.get("sub", ""))
        act = members.get("act")


def act_of(claims: Claims, client: Client, *, most: int) -> Claims:
    """This client as actor, with everybody who acted before it inside. Raises InvalidRequest. §4.1."""
    before = claims.get("act")
    if 1 + len(actors(before)) > most:
        raise InvalidRequest(f"the chain has {most} actors already, which is the most: ask closer to its beginning")
    new = {"sub": machine_subject(client.client_id)}
    return new if before is None else {**new, "act": before}


def choose_target(requested: str | None, claims: Claims, client: Client, identity: Identity) -> Resource:
    """The one resource to go on to. Raises InvalidTarget. §2.1, §2.2.2."""
    held = _held(claims, identity.implies)
    known = {uri for scope in held for uri in client.delegation.get(scope, {}) if uri in identity.resources}
    uri = next(iter(known)) if requested is None and len(known) == 1 else requested
    if uri is None:
        raise InvalidTarget("resource is required: name the one to go on to")
    if uri not in known:
        raise InvalidTarget("this client may not go on to this resource by the scopes of subject_token", detail=uri)
    return identity.resources[uri]


def permitted(claims: Claims, client: Client, target: Resource, implies: Implies) -> frozenset[str]:
    """What the caller's scopes let this client do at a resource in the caller's name; its own rights are none of it."""
    found = (client.delegation.get(scope, {}).get(target.uri, ()) for scope in _held(claims, implies))
    return expand((scope for scopes in found for scope in scopes), implies) & target.scopes.keys()


def narrow(requested: Sequence[str], *, within: frozenset[str], target: Resource) -> tuple[str, ...]:
    """The scopes of the exchanged token: never more than may be. Raises InvalidScope. §2.1; RFC 6749 §3.3."""
    if wider := [scope for scope in requested if scope not in within]:
        raise InvalidScope(
            f"subject_token does not go so far: {' '.join(wider)}. Ask for no more than: "
            f"{' '.join(sorted(within)) or 'nothing here'}"
        )
    granted = tuple(requested) or tuple(scope for scope in target.default_scopes if scope in within)
    if not granted:
        raise InvalidScope("no scope was requested and the resource has no default that subject_token reaches")
    return granted


def check_size(claims: Claims) -> None:
    """Accept claims that fit into a header with their signature. Raises InvalidRequest."""
    if len(json.dumps(claims, separators=(",", ":"))) > LARGEST:
        raise InvalidRequest("the token would be too large: ask for fewer scopes, or closer to the chain's beginning")


def reach_of(uri: str, scopes: Sequence[str], identity: Identity) -> Reach:
    """The most that agents may do elsewhere in somebody's name by these scopes at a resource, through any hops."""
    found: dict[str, frozenset[str]] = {}
    todo = deque([(uri, expand(scopes, identity.implies), 1)])
    while todo:
        at, held, depth = todo.popleft()
        for onward, given in _onward(at, held, identity) if depth <= identity.delegation_depth else ():
            if not given <= found.get(onward, frozenset()):
                found[onward] = found.get(onward, frozenset()) | given
                todo.append((onward, found[onward], depth + 1))
    return {at: tuple(sorted(held)) for at, held in sorted(found.items())}


def _onward(uri: str, held: frozenset[str], identity: Identity) -> Iterator[tuple[str, frozenset[str]]]:
    claims = {"scope": " ".join(held)}
    for client in identity.clients.values():
        if client.answers_at == uri:
            for onward in {
                uri for scope in held for uri in client.delegation.get(scope, {})
            } & identity.resources.keys():
                yield onward, permitted(claims, client, identity.resources[onward], identity.implies)


def covers(told: Reach, now: Reach) -> bool:
    """Whether somebody was told of all that scopes reach now."""
    return all(set(scopes) <= set(told.get(uri, ())) for uri, scopes in now.items())


def _members(value: object) -> Claims:
    return cast("Claims", value) if isinstance(value, Mapping) else {}


def _held(claims: Claims, implies: Implies) -> frozenset[str]:
    return expand(str(claims.get("scope", "")).split(), implies)
