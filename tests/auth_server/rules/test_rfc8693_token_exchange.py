from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server.errors import InvalidRequest, InvalidScope, InvalidTarget
from auth_server.models import Client, Grant, Identity, Resource
from auth_server.rules import rfc8693_token_exchange as rules
from auth_server.rules.rfc9068_access_token import claims_of, client_of, machine_subject

URIS = ("https://a.example", "https://b.example", "https://c.example")
SCOPES = ("one", "two", "three")
_some = st.lists(st.sampled_from(SCOPES), unique=True)
_onward = st.dictionaries(st.sampled_from(SCOPES), st.dictionaries(st.sampled_from(URIS), _some.map(tuple)))


def _identity(delegations: dict[str, Any], implies: dict[str, Any] | None = None, depth: int = 4) -> Identity:
    return Identity(
        resources={
            uri: Resource(name=uri[8], uri=uri, scopes=dict.fromkeys(SCOPES, "x"), default_scopes=SCOPES)
            for uri in URIS
        },
        clients={
            uri[8]: Client(client_id=uri[8], resources={}, answers_at=uri, delegation=delegations.get(uri, {}))
            for uri in URIS
        },
        implies=implies or {},
        delegation_depth=depth,
    )


@given(
    delegations=st.fixed_dictionaries(dict.fromkeys(URIS, _onward)),
    first=_some.filter(bool),
    path=st.lists(st.tuples(st.sampled_from(URIS), _some), max_size=6),
    lifetimes=st.lists(st.integers(30, 3600), min_size=6, max_size=6),
    depth=st.integers(1, 5),
)
def test_on_every_path_scope_and_lifetime_only_narrow_and_the_chain_is_kept(
    delegations: dict[str, Any], first: list[str], path: list[tuple[str, list[str]]], lifetimes: list[int], depth: int
) -> None:
    identity = _identity(delegations, depth=depth)
    claims: dict[str, Any] = {"aud": URIS[0], "sub": "u", "scope": " ".join(first), "exp": 1000, "jti": "j"}
    reach = rules.reach_of(URIS[0], first, identity)
    chain: list[str] = []
    for (onward, asked), lifetime in zip(path, lifetimes, strict=False):
        client = identity.clients[claims["aud"][8]]
        allowed = {
            scope for held in claims["scope"].split() for scope in client.delegation.get(held, {}).get(onward, ())
        }
        try:
            target = rules.choose_target(onward, claims, client, identity)
            within = rules.permitted(claims, client, target, identity.implies)
            scopes = rules.narrow(asked, within=within, target=target)
            act = rules.act_of(claims, client, most=depth)
        except (InvalidTarget, InvalidScope, InvalidRequest):
            continue
        made = claims_of(
            Grant(
                client_id=client.client_id,
                subject="u",
                resource=Resource(name="r", uri=onward, scopes={}, token_lifetime=lifetime),
                scopes=scopes,
                act=act,
                expires=claims["exp"],
            ),
            issuer="https://as.example",
            now=100,
            jti="k",
        )
        chain.insert(0, machine_subject(client.client_id))
        assert set(scopes) <= allowed
        assert set(scopes) <= set(reach[onward])
        assert int(str(made["exp"])) <= claims["exp"]
        assert list(rules.actors(made["act"])) == chain
        assert len(chain) <= depth
        claims = dict(made)


def test_what_a_scope_implies_goes_as_far_as_what_it_implies() -> None:
    delegations = {URIS[0]: {"one": {URIS[1]: ("two",)}}, URIS[1]: {"three": {URIS[2]: ("one",)}}}
    identity = _identity(delegations, {"two": frozenset({"three"})})
    assert rules.reach_of(URIS[0], ("one",), identity) == {URIS[1]: ("three", "two"), URIS[2]: ("one",)}
    assert rules.reach_of(URIS[0], ("two",), identity) == {}


def test_the_reach_ends_where_the_chain_must() -> None:
    delegations = {URIS[0]: {"one": {URIS[1]: ("one",)}}, URIS[1]: {"one": {URIS[2]: ("one",)}}}
    assert rules.reach_of(URIS[0], ("one",), _identity(delegations, depth=1)) == {URIS[1]: ("one",)}


def test_who_was_told_of_less_was_not_told() -> None:
    assert rules.covers({URIS[1]: ("one", "two")}, {URIS[1]: ("one",)})
    assert not rules.covers({URIS[1]: ("one",)}, {URIS[1]: ("one", "two")})
    assert not rules.covers({}, {URIS[1]: ("one",)})
    assert rules.covers({}, {})


def test_a_scope_is_named_where_there_is_no_default() -> None:
    bare = Resource(name="r", uri=URIS[1], scopes={"one": ""})
    with pytest.raises(InvalidScope, match="no default"):
        rules.narrow((), within=frozenset({"one"}), target=bare)


def test_the_only_way_on_needs_no_name_and_several_do() -> None:
    claims = {"scope": "one"}
    identity = _identity({URIS[0]: {"one": {URIS[1]: ("one",)}, "two": {URIS[2]: ("one",)}}})
    client = identity.clients["a"]
    assert rules.choose_target(None, claims, client, identity).uri == URIS[1]
    with pytest.raises(InvalidTarget, match="name the one"):
        rules.choose_target(None, {"scope": "one two"}, client, identity)


@pytest.mark.parametrize(("subject", "client"), [("client:a", "a"), ("client:", None), ("u-grace", None)])
def test_a_person_is_no_client(subject: str, client: str | None) -> None:
    assert client_of(subject) == client
