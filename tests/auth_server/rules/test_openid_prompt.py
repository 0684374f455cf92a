import pytest

from auth_server.errors import InvalidRequest
from auth_server.people import Interaction, Session
from auth_server.rules.openid_prompt import is_fresh, prompts, seconds


def _interaction(*prompt: str, max_age: int | None = None) -> Interaction:
    return Interaction(
        id="this",
        client_id="c",
        redirect_uri="https://client.example/cb",
        code_challenge="",
        resource="",
        scopes=(),
        prompt=prompt,
        max_age=max_age,
        created=1_000,
    )


def _session(signed_for: str = "another") -> Session:
    return Session(reference="", subject="", name="", auth_time=990, expires=9_999, signed_for=signed_for)


def test_words_that_are_not_known_are_ignored_and_none_stands_alone() -> None:
    assert prompts(None) == ()
    assert prompts("consent later login") == ("consent", "login")
    assert prompts("none") == ("none",)
    with pytest.raises(InvalidRequest):
        prompts("consent none")


@pytest.mark.parametrize("max_age", ["-1", "1.5", "x", " 1", "9" * 10, "\u0661"])
def test_what_is_no_number_of_seconds_is_refused(max_age: str) -> None:
    with pytest.raises(InvalidRequest):
        seconds(max_age)


def test_a_sign_in_is_fresh_when_it_was_for_this_or_may_be_as_old_as_it_is() -> None:
    assert is_fresh(_session(), _interaction())
    assert is_fresh(_session(), _interaction(max_age=10))
    assert not is_fresh(_session(), _interaction(max_age=9))
    assert not is_fresh(_session(), _interaction("login"))
    assert not is_fresh(_session(), _interaction("select_account"))
    assert is_fresh(_session("this"), _interaction("login", max_age=0))
