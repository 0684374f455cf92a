"""How long a run may take: longer while a person is asked, and no longer for whoever only says so."""

import asyncio
import time
from typing import Any, cast

import pytest

from daca_agents import asking
from daca_agents.asking import Question, ask
from daca_agents.errand import Event
from daca_agents.happenings import happened
from daca_agents.mind import choose
from daca_agents.profile import load_profile
from daca_agents.settings import Settings
from daca_agents.tool_server import ToolServer
from daca_agents.toolbox import Tools
from tests.agents.conftest import PROFILE

_SECONDS = 1.5
_ASKED = 2.5


class Asks:
    """A place that asks a person when it is surveyed, and has the answer later than a run may take."""

    name = "notes"

    def __init__(self, expires_in: object) -> None:
        self._expires_in = expires_in

    async def survey(self) -> None:
        happened("consent_needed", server="notes", expires_in=self._expires_in)
        await asyncio.sleep(_ASKED)

    async def list_tools(self, *_: object) -> list[Any]:
        return []


async def _kinds(expires_in: object) -> list[str]:
    profile = load_profile(PROFILE)
    tools = Tools(servers=[cast("ToolServer", Asks(expires_in))])
    told = ask(profile, choose(Settings(), profile), tools, Question(text="hello"))
    return [happening.kind for happening in [one async for one in told] if isinstance(happening, Event)]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_SECONDS", _SECONDS)


async def test_a_run_goes_on_after_a_person_took_their_time() -> None:
    begun = time.monotonic()
    assert (await _kinds(300))[-1] != "error"
    assert time.monotonic() - begun > _SECONDS


@pytest.mark.parametrize("expires_in", [None, "300", -300, 1e9, float("nan")])
async def test_a_time_that_is_none_makes_no_run_longer(expires_in: object) -> None:
    assert await _kinds(expires_in) == ["consent_needed", "error"]


async def test_a_run_ends_however_long_people_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_PATIENCE", 0.5)
    assert await _kinds(0.4) == ["consent_needed", "error"]
