"""An addition to a YAML file changes nothing else of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml

from cli.errors import Failure
from cli.insertion import append

ENTRY: Mapping[str, Any] = {"name": "poet", "scopes": {"agent:ask": "Ask: it"}, "of": ["agent:ask"], "none": {}}
TEXTS = {
    "blocks": "a: 1\nlist:\n  - name: x   # first\n    of: [y]\n# about b\nb: 2\n",
    "not indented": "list:\n- name: x\n- name: y\nb: 2\n",
    "deep end": "list:\n  - name: x\n    more:\n      z: [1,\n       2] # two\n    # of x\n\n  # of nothing\nb: 2\n",
    "no newline at the end": "b: 1\nlist:\n  - name: x",
    "empty": "list: []   # none yet\nb: 2\n",
    "brackets": "list: [{name: x}, {name: y}]\nb: 2\n",
    "block scalar": "list:\n  - name: |\n      a long\n      text\n\n\n# about b\nb: 2\n",
    "folded to the end": "list:\n  - name: >-\n      a long\n      text\n",
    "absent": "b: 2   # and that is all\n",
    "comments at the end": "list:\n  - name: x\n    # of x\n# of nothing",
    "other letters": "# ü\nlist:\n  - name: 'ö…'   # é\nb: \U0001f642\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_list_gets_one_more_item_and_every_line_stays(name: str) -> None:
    text = TEXTS[name]
    added = append(text, ["list"], ENTRY)
    before, after = yaml.safe_load(text), yaml.safe_load(added)
    assert after == {**before, "list": [*before.get("list", []), dict(ENTRY)]}
    assert _is_one_insertion(text, added)


def _is_one_insertion(text: str, added: str) -> bool:
    """Whether taking one piece out of it gives the text again."""
    more = len(added) - len(text)
    return any(added[:at] + added[at + more :] == text for at in range(len(text) + 1))


def test_a_comment_of_the_last_item_stays_with_it_and_one_of_the_next_thing_with_that() -> None:
    added = append(TEXTS["deep end"], ["list"], {"name": "poet"})
    assert added == TEXTS["deep end"].replace("of x\n", "of x\n  - name: poet\n")


def test_it_is_written_in_the_style_of_the_file() -> None:
    added = append(
        TEXTS["blocks"], ["list"], {"name": "poet", "scopes": {"agent:ask": "Ask"}, "of": ["agent:ask", "b"]}
    )
    assert "  - name: poet\n    scopes:\n      agent:ask: Ask\n    of: [agent:ask, b]\n# about b\n" in added


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("list:\n  - of:\n      a: [1]   # one\n    b: 2\n", ["list", 0, "of"]),
        ("list:\n  - of: { a: [1] }\n    b: 2\n", ["list", 0, "of"]),
        ("list:\n  - of: {}\n    b: 2\n", ["list", 0, "of"]),
    ],
)
def test_a_mapping_gets_one_more_pair(text: str, where: Sequence[str | int]) -> None:
    after = yaml.safe_load(append(text, where, {"http://localhost:1": ["agent:ask"]}))
    assert list(after["list"][0]["of"].items())[-1] == ("http://localhost:1", ["agent:ask"])
    assert after["list"][0]["b"] == 2


def test_windows_lines_stay_windows_lines() -> None:
    text = TEXTS["blocks"]
    added = append(text.replace("\n", "\r\n"), ["list"], ENTRY)
    assert added == append(text, ["list"], ENTRY).replace("\n", "\r\n")


@pytest.mark.parametrize("text", ["x: &all [1]\nlist: *all\n", "list: [1, ]\n"])
def test_what_cannot_be_added_to_safely_is_left_alone(text: str) -> None:
    with pytest.raises(Failure, match="add it by hand"):
        append(text, ["list"], {"name": "poet"})
