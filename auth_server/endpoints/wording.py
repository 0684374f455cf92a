"""Scopes in the words that people read, wherever a person decides."""

from collections.abc import Sequence
from typing import TypeAlias

from auth_server.models import Identity, Resource
from auth_server.rules.oauth21_consent import OPENID
from auth_server.rules.rfc8693_token_exchange import reach_of

Choice: TypeAlias = dict[str, str | list[str]]


def in_words(scopes: Sequence[str], resource: Resource, identity: Identity) -> list[Choice]:
    """Each scope with what it means, what it carries, and what agents may do elsewhere by it."""
    words = {**OPENID, **resource.scopes}
    implied = {scope: identity.implies.get(scope, frozenset()) & resource.scopes.keys() for scope in scopes}
    return [
        {
            "name": name,
            "words": words[name],
            "includes": ", ".join(words[one] for one in sorted(implied[name])),
            "onward": _onward(resource.uri, name, identity),
        }
        for name in scopes
    ]


def _onward(uri: str, scope: str, identity: Identity) -> list[str]:
    """What agents may do elsewhere in the person's name by a scope."""
    known = identity.resources
    reach = reach_of(uri, (scope,), identity).items()
    return [f"{known[at].name}: {', '.join(known[at].scopes[one] for one in scopes)}" for at, scopes in reach]
