"""What a person allowed is one token, for one call: a refusal of it is final, and nobody is asked again."""

from typing import Any, cast

import pytest

from daca_agents.consent import Consent, Consented
from oauth_client import Token, TokenRejected
from oauth_client.models import Target

URL = "http://localhost:8000/mcp"
ISSUER = "http://localhost:9000"
TOKEN = Token(
    access_token="t", obtained_at=0, expires_at=9e9, scopes=frozenset({"mcp:delete"}), issuer=ISSUER, resource=URL,
    client_id="scribe",
)  # fmt: skip


class People:
    """Hears which tokens are taken no more."""

    policy = None

    def __init__(self) -> None:
        self.forgotten: list[Token] = []

    def forget(self, token: Token) -> None:
        self.forgotten.append(token)


def _consented() -> tuple[Consented, People]:
    people = People()
    return Consented(TOKEN, source=cast("Any", people), people=cast("Any", people)), people


async def test_the_token_is_never_widened_and_once_refused_never_handed_out_again() -> None:
    consented, people = _consented()
    target = cast("Target", None)
    assert await consented.get(target, frozenset()) is TOKEN
    assert await consented.more(target, frozenset({"mcp:write"}), TOKEN) is TOKEN
    consented.forget(TOKEN)
    assert people.forgotten == [TOKEN]
    with pytest.raises(TokenRejected, match="not taken any more"):
        await consented.get(target, frozenset())


def test_a_person_may_be_asked_for_what_the_profile_names_and_for_something() -> None:
    nobody = cast("Any", None)
    consent = Consent(
        server="notes", url=URL, may_ask=frozenset({"mcp:read", "mcp:write"}),
        caller=nobody, people=nobody, source=nobody, transport=nobody,
    )  # fmt: skip
    assert consent.covers({"mcp:read"})
    assert not consent.covers({"mcp:read", "mcp:delete"})
    assert not consent.covers(())
