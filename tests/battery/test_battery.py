"""The whole battery against the door: every case is refused, and none reaches the app behind it."""

import pytest

from resource_server import Door
from tests.battery.case import Case
from tests.battery.cases import CASES
from tests.battery.conftest import Reached
from tests.battery.run import check_accepts, judge
from tests.battery.wire import in_process
from tests.battery.world import World


@pytest.mark.requirement(
    "RS-05", "RS-06", "RS-09", "RS-10", "RS-11", "RS-12", "RS-14", "RS-15", "RS-16", "RS-30", "RS-40"
)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_an_mcp_server_s_door_refuses(case: Case, world: World, mcp_door: Door, reached: Reached) -> None:
    answer = await in_process(mcp_door, world)(case.make(world))

    assert judge(case, answer) == ""
    assert reached.paths == []


@pytest.mark.requirement("RS-05", "RS-06", "RS-09", "RS-10", "RS-11", "RS-12", "RS-14", "RS-15", "RS-16", "RS-30")
@pytest.mark.parametrize("case", [case for case in CASES if not case.only_mcp], ids=lambda case: case.id)
async def test_a_plain_app_s_door_refuses(case: Case, world: World, plain_door: Door, reached: Reached) -> None:
    answer = await in_process(plain_door, world)(case.make(world))

    assert judge(case, answer) == ""
    assert reached.paths == []


async def test_the_good_token_opens_both_doors(world: World, mcp_door: Door, plain_door: Door) -> None:
    assert await check_accepts(world, in_process(mcp_door, world)) == ""
    assert await check_accepts(world, in_process(plain_door, world)) == ""


def test_the_battery_has_no_case_twice_and_more_than_two_hundred() -> None:
    ids = [case.id for case in CASES]

    assert len(ids) == len(set(ids))
    assert len(ids) > 200
