"""The rehearsed model's rules, without a loop."""

import json
from typing import Any

import pytest

from daca_agents.rehearsal import SAYS_SO, Heard, Wish, answer, follow_up, plan

ALL = ("get_time", "list_notes", "search_notes", "read_note")


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ("What time is it?", "get_time", {}),
        ("What time is it in Berlin?", "get_time", {"time_zone": "Europe/Berlin"}),
        ("time in new york please", "get_time", {"time_zone": "America/New_York"}),
        ("the date in Asia/Kolkata", "get_time", {"time_zone": "Asia/Kolkata"}),
        ("what time is it in Atlantis", "get_time", {"time_zone": "Atlantis"}),
        ("Which notes are there?", "list_notes", {}),
        ("find notes about bread and butter", "search_notes", {"query": "bread and butter"}),
        ('Read the note called "Plan"', "read_note", {"name": "Plan"}),
        ("write a note 'x': some words", "write_note", {"name": "x", "text": "some words"}),
        ("delete note 'x'", "delete_note", {"name": "x"}),
        ('call any_tool {"a": [1]}', "any_tool", {"a": [1]}),
        ("call get_time {broken}", "get_time", {}),
    ],
)
def test_a_rule_makes_a_call_of_the_words(text: str, tool: str, arguments: dict[str, Any]) -> None:
    assert plan(text) == [Wish(tool=tool, arguments=arguments)]


def test_two_questions_make_two_calls() -> None:
    assert {wish.tool for wish in plan("What time is it? And list all notes.")} == {"get_time", "list_notes"}


def test_words_without_a_rule_say_what_there_is() -> None:
    said = answer([], [], ALL)
    assert said.startswith(SAYS_SO)
    assert "get_time, list_notes, read_note, search_notes" in said


def test_a_search_is_followed_by_reading_only_when_reading_was_asked_for() -> None:
    found = [Heard(tool="search_notes", output=json.dumps({"hits": [{"name": "Bread"}]}))]
    assert follow_up("find and read notes about flour", found, ALL) == Wish(
        tool="read_note", arguments={"name": "Bread"}
    )
    assert follow_up("find notes about flour", found, ALL) is None
    assert follow_up("find and read notes about flour", found, ("search_notes",)) is None
    assert follow_up("read notes about flour", [*found, Heard(tool="read_note", output="x")], ALL) is None


@pytest.mark.parametrize("output", ["nothing", "[]", '{"hits": []}', '{"hits": [1]}'])
def test_a_search_without_hits_is_followed_by_nothing(output: str) -> None:
    assert follow_up("read notes about x", [Heard(tool="search_notes", output=output)], ALL) is None
