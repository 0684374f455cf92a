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


PEERS = ("ask_researcher", "ask_scribe")
TIME = Heard(tool="ask_researcher", output=f"{SAYS_SO}\nget_time says: noon")
FIND_OUT = "Find out what time it is in Tokyo, and have it written down as note 'Tokyo'."


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Ask the researcher what time it is", {"ask_researcher": "what time it is"}),
        ("ask the scribe to write a note 'x': y", {"ask_scribe": "write a note 'x': y"}),
        (
            "Ask the researcher what time it is, and ask the scribe to delete note 'x'",
            {"ask_researcher": "what time it is", "ask_scribe": "delete note 'x'"},
        ),
        ("Ask your night-porter: is it late?", {"ask_night_porter": "is it late?"}),
        (FIND_OUT, {"ask_researcher": "what time it is in Tokyo"}),
    ],
)
def test_another_agent_is_asked_when_the_words_say_so(text: str, asked: dict[str, str]) -> None:
    assert {wish.tool: wish.arguments["request"] for wish in plan(text, PEERS)} == asked


def test_an_agent_with_the_tool_itself_asks_nobody() -> None:
    assert [wish.tool for wish in plan("Ask the clock for the time", ALL)] == ["get_time"]
    assert [wish.tool for wish in plan("Ask the scribe to write a note 'x': y", ("ask_researcher",))] == ["ask_scribe"]


def test_what_was_heard_is_given_to_the_scribe_word_for_word_and_once() -> None:
    wish = Wish(tool="ask_scribe", arguments={"request": "write a note 'Tokyo': get_time says: noon"})
    assert follow_up(FIND_OUT, [TIME], PEERS) == wish
    assert follow_up(FIND_OUT, [TIME, Heard(tool="ask_scribe", output="done")], PEERS) is None
    assert follow_up(FIND_OUT, [TIME], ("ask_researcher",)) is None


def test_nothing_is_written_down_when_nothing_was_found_out() -> None:
    refused = Heard(tool="ask_researcher", output="The agent researcher could not be used: it is away")
    assert follow_up(FIND_OUT, [refused], PEERS) is None


def test_a_note_that_is_there_is_written_over_the_version_it_is_at_and_once() -> None:
    text, there = "write a note 'x': y", Heard(tool="write_note", output="the note 'x' is at version 3 now: read it")
    over = Wish(tool="write_note", arguments={"name": "x", "text": "y", "version": 3})
    assert follow_up(text, [there], ("write_note",)) == over
    assert follow_up(text, [there, there], ("write_note",)) is None


def test_the_words_of_a_note_are_no_questions() -> None:
    assert [wish.tool for wish in plan("write a note 'x': list all notes, what time is it?")] == ["write_note"]


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
