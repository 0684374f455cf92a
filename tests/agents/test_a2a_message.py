"""What a message to an agent may be: bounded in every direction, words or decisions, and nothing else."""

from typing import Any

import pytest
from a2a.helpers import new_data_part, new_text_part
from a2a.types import Message, Part, Role
from a2a.utils.errors import ContentTypeNotSupportedError, InvalidParamsError

from daca_agents.a2a_message import MOST_WORDS, Said, decided, read

CALLS = ("call_1", "call_2")


def _message(*parts: Part, **fields: Any) -> Message:
    given: dict[str, Any] = {"message_id": "m", "role": Role.ROLE_USER, **fields}
    return Message(parts=parts, **given)


def test_words_are_read_as_they_are_up_to_the_most_there_may_be() -> None:
    longest = "é" * MOST_WORDS
    assert read(_message(new_text_part(longest))) == Said(words=longest, decisions=None)
    assert read(_message(new_text_part("one"), new_text_part("two"))).words == "one\ntwo"


@pytest.mark.parametrize(
    "message",
    [
        _message(new_text_part("x" * (MOST_WORDS + 1))),
        _message(new_text_part("x" * MOST_WORDS), new_text_part("y")),
        _message(new_text_part(" \n ")),
        _message(),
        _message(new_text_part("hello"), message_id="m" * 129),
        _message(new_text_part("hello"), context_id="c" * 129),
        _message(new_text_part("hello"), role=Role.ROLE_AGENT),
        _message(new_data_part({"decisions": {f"call_{n}": "approve" for n in range(4000)}})),
        _message(new_data_part({"decisions": {"call_1": "perhaps"}})),
        _message(new_data_part({"decisions": ["call_1"]})),
        _message(new_data_part({"other": 1})),
    ],
    ids=["long", "long-in-all", "blank", "empty", "id", "context", "agent", "large", "word", "list", "data"],
)
def test_what_is_too_much_or_too_little_is_refused(message: Message) -> None:
    with pytest.raises(InvalidParamsError):
        read(message)


def test_the_longest_names_there_may_be_are_taken() -> None:
    assert read(_message(new_text_part("hello"), message_id="m" * 128, context_id="c" * 128)).words == "hello"


@pytest.mark.parametrize("part", [Part(raw=b"bytes"), Part(url="https://example.com/a.png")])
def test_files_and_addresses_are_not_read(part: Part) -> None:
    with pytest.raises(ContentTypeNotSupportedError):
        read(_message(new_text_part("look"), part))


def test_a_word_decides_all_that_waits_and_data_each_of_them() -> None:
    assert decided(read(_message(new_text_part(" Approve "))), CALLS) == dict.fromkeys(CALLS, "approve")
    mixed = {"call_1": "approve", "call_2": "reject"}
    assert decided(read(_message(new_data_part({"decisions": mixed}))), CALLS) == mixed


@pytest.mark.parametrize(
    "calls", [{"call_1": "approve"}, {"call_1": "approve", "call_2": "reject", "call_3": "approve"}]
)
def test_a_decision_of_fewer_or_other_calls_than_wait_is_none(calls: dict[str, str]) -> None:
    said = read(_message(new_data_part({"decisions": calls})))
    with pytest.raises(InvalidParamsError, match="each of these calls and no other: call_1, call_2"):
        decided(said, CALLS)


def test_words_that_are_no_decision_decide_nothing() -> None:
    with pytest.raises(InvalidParamsError, match="a decision is wanted"):
        decided(Said(words="approve it, please", decisions=None), CALLS)
