"""OpenID Connect CIBA: who may ask, what may be said, and what becomes of a request."""

from dataclasses import replace

import pytest

from auth_server.asked import Asked
from auth_server.ciba_errors import InvalidBindingMessage, UnknownUserId
from auth_server.errors import InvalidRequest, InvalidScope, InvalidTarget, UnauthorizedClient
from auth_server.models import Client, Identity, Resource
from auth_server.people import Listed
from auth_server.rules.openid_ciba import (
    LONGEST_MESSAGE,
    Verdict,
    check_client,
    check_hints,
    check_id_token,
    check_message,
    check_offered,
    choose_target,
    judge,
    lifetime,
    polled,
    standing,
    to_ask,
)

NOTES, CLOCK = "https://notes.example/mcp", "https://clock.example/mcp"
RESOURCE = Resource(name="notes", uri=NOTES, scopes={"read": "Read", "write": "Write", "delete": "Delete"})
IDENTITY = Identity(
    resources={NOTES: RESOURCE, CLOCK: Resource(name="clock", uri=CLOCK, scopes={"read": "Ask"})},
    clients={},
    implies={"write": frozenset({"read"})},
)
CLIENT = Client(client_id="quill", resources={NOTES: ("read",)}, backchannel={NOTES: ("write",)})
ASKED = Asked(
    id="1", secret_hash="", client_id="quill", subject="u", name="n", resource=NOTES, scopes=("write",),
    created=1000, expires=1300, interval=5,
)  # fmt: skip
LINE = Listed(
    id="p",
    client_id="quill",
    client_name="Quill",
    resource=NOTES,
    scopes=("write",),
    created=0,
    expires=9,
    asked="hour",
)


def test_only_a_declared_client_that_proves_itself_asks_people() -> None:
    check_client(CLIENT)
    for client in (replace(CLIENT, backchannel={}), replace(CLIENT, auth_method="none")):
        with pytest.raises(UnauthorizedClient):
            check_client(client)


@pytest.mark.parametrize("name", ["client_notification_token", "login_hint_token", "request"])
def test_what_is_not_offered_is_refused(name: str) -> None:
    check_offered({name: None})
    with pytest.raises(InvalidRequest):
        check_offered({name: "x"})


def test_there_is_exactly_one_hint() -> None:
    check_hints("ada", None)
    check_hints(None, "x")
    for pair in ((None, None), ("ada", "x")):
        with pytest.raises(InvalidRequest):
            check_hints(*pair)


def test_an_id_token_counts_for_the_client_that_it_was_issued_to_here() -> None:
    claims = {"iss": "https://as.example", "aud": "quill", "sub": "u", "exp": 1}
    assert check_id_token(claims, CLIENT, "https://as.example") == "u"
    for wrong in (
        None,
        {**claims, "iss": "https://x.example"},
        {**claims, "aud": "raven"},
        {**claims, "aud": ["quill"]},
    ):
        with pytest.raises(UnknownUserId):
            check_id_token(wrong, CLIENT, "https://as.example")


def test_a_message_is_one_short_line_that_prints() -> None:
    assert check_message(None) == ""
    assert check_message("é" * LONGEST_MESSAGE) == "é" * LONGEST_MESSAGE
    for wrong in ("x" * (LONGEST_MESSAGE + 1), "a\nb", "a\tb", "a\x00", "a\u2028b", "a\u202eb", "a\u200bb", "\ud800"):
        with pytest.raises(InvalidBindingMessage):
            check_message(wrong)


def test_a_lifetime_is_what_is_asked_for_within_bounds() -> None:
    assert [lifetime(said) for said in (None, "1", "600", "601", "9" * 500)] == [300, 1, 600, 600, 600]
    for wrong in ("0", "00", "-1", "1.5", "x", "²", "٣", " 5"):
        with pytest.raises(InvalidRequest):
            lifetime(wrong)


def test_a_client_asks_for_its_declared_resource_and_scopes_whatever_it_may_have_itself() -> None:
    assert choose_target(NOTES, CLIENT, IDENTITY) is RESOURCE
    for wrong in (None, CLOCK, "https://nowhere.example"):
        with pytest.raises(InvalidTarget):
            choose_target(wrong, CLIENT, IDENTITY)
    with pytest.raises(InvalidTarget):
        choose_target(NOTES, CLIENT, Identity(resources={}, clients={}))
    for good in (("write",), ("read",), ("openid", "write")):
        assert to_ask(good, CLIENT, RESOURCE, IDENTITY) == good
    for bad in (("delete",), ("write", "delete"), ("openid",), (), ("write", "offline_access"), ("write", "profile")):
        with pytest.raises(InvalidScope):
            to_ask(bad, CLIENT, RESOURCE, IDENTITY)


@pytest.mark.parametrize(
    ("line", "wanted", "stands"),
    [
        (LINE, ("write",), True),
        (LINE, ("read",), True),
        (LINE, ("write", "delete"), False),
        (LINE, ("openid", "write"), False),
        (replace(LINE, asked="once"), ("write",), False),
        (replace(LINE, asked="", remembered=True), ("write",), False),
        (replace(LINE, client_id="raven"), ("write",), False),
        (replace(LINE, resource=CLOCK), ("write",), False),
    ],
)
def test_an_hour_covers_the_same_client_and_resource_and_no_more_scope(
    line: Listed, wanted: tuple[str, ...], *, stands: bool
) -> None:
    assert (standing([line], CLIENT, NOTES, wanted, {}, IDENTITY) is line) is stands


def test_an_hour_covers_no_more_reach_than_the_person_was_told() -> None:
    told = replace(LINE, reach={CLOCK: ("read",)})
    assert standing([told], CLIENT, NOTES, ("write",), {CLOCK: ("read",)}, IDENTITY) is told
    assert standing([LINE], CLIENT, NOTES, ("write",), {CLOCK: ("read",)}, IDENTITY) is None


@pytest.mark.parametrize(
    ("asked", "now", "verdict"),
    [
        (ASKED, 1000, "pending"),
        (replace(ASKED, polled=1000.0), 1004.4, "slow_down"),
        (replace(ASKED, polled=1000.0), 1004.6, "pending"),
        (replace(ASKED, polled=1000.0, interval=10), 1009, "slow_down"),
        (ASKED, 1300, "expired"),
        (replace(ASKED, state="declined"), 1000, "declined"),
        (replace(ASKED, state="declined"), 1300, "declined"),
        (replace(ASKED, state="approved", polled=1000.0), 1000.1, "good"),
        (replace(ASKED, state="approved"), 1300, "expired"),
        (replace(ASKED, state="approved", spent="x"), 1001, "spent"),
        (replace(ASKED, state="approved", spent="x"), 1301, "spent"),
    ],
)
def test_what_a_client_is_told_follows_from_what_was_decided_and_when(
    asked: Asked, now: float, verdict: Verdict
) -> None:
    assert judge(asked, now=now) == verdict


def test_too_soon_costs_five_seconds_more_each_time() -> None:
    once = polled(ASKED, "slow_down", now=1001)
    assert (once.polled, once.interval) == (1001, 10)
    assert polled(once, "slow_down", now=1002).interval == 15
    assert polled(once, "pending", now=1020) == replace(once, polled=1020)
