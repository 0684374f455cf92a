"""A person's yes to a peer's tool: it is asked for where the person is, and taken by code to where the tool is."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.agents.a2a import answer_in, client_of, ids_in, message, say, state_in, steps
from tests.agents.test_approvals import approvals_in
from tests.flows.household import AGENTS, Household, household

ASKED = """call ask_scribe {"request": "Write a note 'Plan': we leave on Friday."}"""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[Household]:
    async with household(tmp_path, {"scribe": {"approvals": ("write_note",)}}) as found:
        yield found


async def _notes(house: Household) -> str:
    token = await house.token("operator", "notes", "mcp:read")
    return (await house.call("notes", token, "tools/call", {"name": "list_notes", "arguments": {}})).text


@pytest.mark.parametrize(("word", "outcome", "written"), [("approve", "approved", True), ("reject", "declined", False)])
async def test_what_a_person_decides_at_one_agent_is_done_at_its_peer(
    house: Household, word: str, outcome: str, *, written: bool
) -> None:
    url = AGENTS["concierge"]
    token = await house.token("operator", "concierge", "agent:ask", "agent:save")
    async with client_of(house.wire.apps[url], token, url) as client:
        heard = await say(client, message(ASKED))
        assert state_in(heard) == "INPUT_REQUIRED"
        (waits,) = approvals_in(heard)
        assert (waits["tool"], waits["at"]) == ("write_note", ["concierge", "scribe"])
        needed = [step for step in steps(heard) if step["event"] == "approval_needed"]
        assert [step["call"] for step in needed] == [waits["call"]]
        assert "Plan" not in await _notes(house)
        task_id, context_id = ids_in(heard)
        decision = {"decisions": {waits["call"]: word}}
        heard = await say(client, message(data=decision, task=task_id, context=context_id))
    assert state_in(heard) == "COMPLETED"
    assert [step["at"] for step in steps(heard) if step["event"] == outcome] == [["concierge", "scribe"]]
    assert ("Plan" in await _notes(house)) == written
    assert "ask_scribe says" in answer_in(heard)
