import pytest

from auth_server.errors import InvalidScope
from auth_server.models import AUTHORIZATION_CODE, REFRESH_TOKEN, AuthMethod, Client, Identity, Resource
from auth_server.people import Listed
from auth_server.rules.oauth21_consent import may_refresh, may_remember, new, reachable, remembered, to_ask, within

NOTES = Resource(
    name="notes", uri="https://notes.example", scopes={"read": "R", "write": "W"}, default_scopes=("read",)
)
CLOCK = Resource(name="clock", uri="https://clock.example", scopes={"read": "R", "wind": "W"})
IDENTITY = Identity(resources={NOTES.uri: NOTES, CLOCK.uri: CLOCK}, clients={}, implies={"write": frozenset({"read"})})
ANY = Client(client_id="any", auth_method="none", grant_types=(AUTHORIZATION_CODE,), resources={}, any_resource=True)
ONE = Client(client_id="one", grant_types=(AUTHORIZATION_CODE, REFRESH_TOKEN), resources={NOTES.uri: ("write",)})


def _line(client_id: str = "one", resource: str = NOTES.uri, *, known: bool = True) -> Listed:
    return Listed(
        id="x",
        client_id=client_id,
        client_name="",
        resource=resource,
        scopes=("write",),
        created=0,
        expires=1,
        remembered=known,
    )


@pytest.mark.requirement("AS-22")
@pytest.mark.parametrize(
    ("proven", "method", "redirect_uri", "counts"),
    [
        (True, "client_secret_basic", "https://client.example/cb", True),
        (True, "client_secret_basic", "http://127.0.0.1:1/cb", True),
        (True, "none", "https://client.example/cb", True),
        (True, "none", "http://127.0.0.1:1/cb", False),
        (True, "none", "http://localhost/cb", False),
        (False, "client_secret_basic", "https://client.example/cb", False),
        (False, "none", "https://client.example/cb", False),
    ],
)
def test_a_decision_counts_again_only_where_nobody_else_can_be_the_client(
    *, proven: bool, method: AuthMethod, redirect_uri: str, counts: bool
) -> None:
    client = Client(client_id="x", auth_method=method, resources={}, proven=proven)
    assert may_remember(client, redirect_uri) is counts


def test_a_client_reaches_what_its_entry_says_or_what_there_is() -> None:
    assert reachable(ANY, IDENTITY) == (NOTES.uri, CLOCK.uri)
    assert reachable(ONE, IDENTITY) == (NOTES.uri,)
    assert within(ANY, CLOCK, IDENTITY) == {"read", "wind"}
    assert within(ONE, NOTES, IDENTITY) == {"read", "write"}
    assert within(ONE, CLOCK, IDENTITY) == frozenset()


def test_what_is_asked_is_narrowed_to_what_means_something_here() -> None:
    assert to_ask(("write", "wind", "openid"), ONE, NOTES, IDENTITY) == ("write", "openid")
    assert to_ask((), ONE, NOTES, IDENTITY) == ("read",)
    assert to_ask(("openid",), ONE, NOTES, IDENTITY) == ("read", "openid")
    assert to_ask(("read", "offline_access"), ONE, NOTES, IDENTITY) == ("read", "offline_access")
    assert to_ask(("read", "offline_access"), ANY, NOTES, IDENTITY) == ("read",)


@pytest.mark.parametrize(("asked", "resource"), [(("nothing",), NOTES), (("wind",), NOTES), ((), CLOCK)])
def test_what_leaves_nothing_to_ask_is_refused(asked: tuple[str, ...], resource: Resource) -> None:
    with pytest.raises(InvalidScope):
        to_ask(asked, ANY, resource, IDENTITY)


def test_what_is_remembered_is_of_one_client_at_one_resource() -> None:
    lines = [_line(), _line("other"), _line(resource=CLOCK.uri), _line(known=False)]
    assert remembered(lines, "one", NOTES.uri) == {"write"}
    assert remembered([_line(known=False)], "one", NOTES.uri) == frozenset()


def test_what_an_allowed_scope_carries_is_not_new() -> None:
    assert new(("read", "write", "openid"), {"write"}, IDENTITY) == ("openid",)


@pytest.mark.requirement("AS-29")
def test_a_refresh_token_takes_registration_and_no_struck_offline_access() -> None:
    assert may_refresh(ONE, {"read"}, {"read"})
    assert may_refresh(ONE, {"read", "offline_access"}, {"read", "offline_access"})
    assert not may_refresh(ONE, {"read", "offline_access"}, {"read"})
    assert not may_refresh(ANY, {"read"}, {"read"})
