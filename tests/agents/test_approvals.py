"""Tools that need a person's yes: the run waits for it in the state, and any replica goes on with it, once."""

import asyncio
from typing import Any

import pytest
from a2a.helpers import get_data_parts
from a2a.types import StreamResponse, TaskState
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError, UnsupportedOperationError

from daca_agents.profile import Profile, load_profile
from tests.agents.a2a import answer_in, cancel, client_of, ids_in, message, say, state_in, steps, task_of, token_of
from tests.agents.conftest import PROFILE, RESEARCHER, World

CAREFUL = load_profile(PROFILE).model_copy(update={"approvals": ("get_time",)})
ASKED = "What time is it in Tokyo?"


def approvals_in(heard: list[StreamResponse]) -> list[dict[str, Any]]:
    """What is to be decided."""
    last = [one.status_update.status for one in heard if one.HasField("status_update")][-1]
    return get_data_parts(last.message.parts)[0]["approvals"]


def called(world: World) -> list[str]:
    """Which tools were really called."""
    return [said["tool"] for event, said in world.decisions if event == "tool" and said["outcome"] == "called"]


def decided(world: World) -> list[tuple[str, str, str]]:
    """Who decided what."""
    found = [said for event, said in world.decisions if event == "approval"]
    return [(said["outcome"], said["tool"], said["subject"]) for said in found]


async def paused(world: World, profile: Profile = CAREFUL) -> tuple[str, str, list[dict[str, Any]]]:
    """A task that waits: its id, its context and what it waits for."""
    async with client_of(await world.start(profile), token_of(world)) as client:
        heard = await say(client, message(ASKED))
    assert state_in(heard) == "INPUT_REQUIRED"
    return *ids_in(heard), approvals_in(heard)


async def test_the_run_waits_and_says_for_what(world: World) -> None:
    _, _, approvals = await paused(world)
    (one,) = approvals
    assert (one["tool"], one["server"], one["at"]) == ("get_time", "clock", ["researcher"])
    assert "Asia/Tokyo" in one["arguments"]
    assert called(world) == []


async def test_another_replica_goes_on_when_the_answer_is_yes(world: World) -> None:
    task_id, context_id, approvals = await paused(world)
    async with client_of(await world.start(CAREFUL), token_of(world)) as client:
        decisions = {approvals[0]["call"]: "approve"}
        heard = await say(client, message(data={"decisions": decisions}, task=task_id, context=context_id))
        assert state_in(heard) == "COMPLETED"
        assert "Asia/Tokyo" in answer_in(heard)
        assert "approved" in [step["event"] for step in steps(heard)]
        again = message("What time is it in UTC?", context=context_id)
        assert state_in(await say(client, again)) == "INPUT_REQUIRED"
    assert called(world) == ["get_time"]
    assert decided(world) == [("approved", "get_time", "ada")]


async def test_a_no_reaches_the_model_and_the_tool_is_not_called(world: World) -> None:
    task_id, context_id, _ = await paused(world)
    async with client_of(await world.start(CAREFUL), token_of(world)) as client:
        heard = await say(client, message("reject", task=task_id, context=context_id))
    assert state_in(heard) == "COMPLETED"
    assert "said no" in answer_in(heard)
    assert called(world) == []
    assert decided(world) == [("declined", "get_time", "ada")]


async def test_a_decision_is_spent_once_however_many_replicas_race(world: World) -> None:
    task_id, context_id, _ = await paused(world)
    doors = [await world.start(CAREFUL) for _ in range(3)]

    async def decide(door: Any) -> str:
        async with client_of(door, token_of(world)) as client:
            try:
                return state_in(await say(client, message("approve", task=task_id, context=context_id)))
            except (UnsupportedOperationError, InvalidParamsError):
                return "too late"

    ends = await asyncio.gather(*(decide(door) for door in doors))
    assert sorted(ends) == ["COMPLETED", "too late", "too late"]
    assert called(world) == ["get_time"]
    assert len(decided(world)) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"text": "go ahead, please"},
        {"data": {"decisions": {"another-call": "approve"}}},
        {"data": {"decisions": {}}},
        {"data": {"decisions": {"x": "perhaps"}}},
        {"data": {"anything": "else"}},
    ],
)
async def test_what_is_no_decision_leaves_the_task_waiting(world: World, said: dict[str, Any]) -> None:
    task_id, context_id, _ = await paused(world)
    async with client_of(world.wire.apps[RESEARCHER], token_of(world)) as client:
        with pytest.raises(InvalidParamsError):
            await say(client, message(**said, task=task_id, context=context_id))
        assert (await task_of(client, task_id)).status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    assert called(world) == []


async def test_nobody_else_decides(world: World) -> None:
    task_id, context_id, _ = await paused(world)
    async with client_of(world.wire.apps[RESEARCHER], token_of(world, "bob")) as stranger:
        with pytest.raises(TaskNotFoundError):
            await say(stranger, message("approve", task=task_id, context=context_id))
    assert called(world) == []


async def test_a_task_that_waits_can_be_cancelled_and_then_nothing_is_decided(world: World) -> None:
    task_id, context_id, _ = await paused(world)
    async with client_of(await world.start(CAREFUL), token_of(world)) as client:
        assert (await cancel(client, task_id)).status.state == TaskState.TASK_STATE_CANCELED
        with pytest.raises(UnsupportedOperationError):
            await say(client, message("approve", task=task_id, context=context_id))
    assert called(world) == []


async def test_a_question_without_a_task_that_waits_becomes_one(world: World) -> None:
    door = await world.start(CAREFUL)
    async with world.http() as http:
        answer = await http.post(f"{RESEARCHER}/ask", json={"input": ASKED})
    assert answer.status_code == 202
    needed = answer.json()["steps"][-1]
    assert (needed["event"], needed["tool"]) == ("approval_needed", "get_time")
    async with client_of(door, token_of(world)) as client:
        heard = await say(client, message("approve", task=needed["task"], context=needed["context"]))
    assert "Asia/Tokyo" in answer_in(heard)
