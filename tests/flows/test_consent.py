"""A person's request that needs more than their token leads to: the agent asks them, and goes on with their yes."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from a2a.types import TaskState

from auth_server.admin.users import add_user
from sidecar.embedded import SqliteState
from tests.agents.a2a import answer_in, client_of, ids_in, listed, message, say, state_in, steps, until
from tests.agents.test_approvals import approvals_in
from tests.auth_server.asking import at_requests, decide, waiting
from tests.auth_server.person import DESK_BACK, VERIFIER, Person
from tests.auth_server.world import Server
from tests.flows.household import AGENTS, Household, household
from tests.mcp_server.issuer import ISSUER

ASKED = "Delete note 'Plan'."
ALL = "mcp:delete mcp:read"
_GRACE = {"name": "grace", "password": "grace's password"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[Household]:
    async with household(tmp_path) as found:
        yield await _furnished(found, tmp_path)


async def _furnished(house: Household, folder: Path) -> Household:
    """Grace is known, and there is a note."""
    async with SqliteState(folder / "state.db", "auth-server") as state:
        await add_user(state, _GRACE["name"], _GRACE["password"])
    token = await house.token("operator", "notes", "mcp:write")
    note = {"name": "write_note", "arguments": {"name": "Plan", "text": "We leave on Friday."}}
    assert (await house.call("notes", token, "tools/call", note)).json()["result"]["isError"] is False
    return house


def _seat(house: Household) -> Server:
    """In front of the authorization server."""
    return cast("Server", SimpleNamespace(http=house.http))


async def _token(house: Household, agent: str, scope: str) -> str:
    """Grace's token for an agent, from her editor."""
    grace = Person(server=_seat(house), name=_GRACE["name"], password=_GRACE["password"])
    told = await grace.allow(client_id="editor", resource=AGENTS[agent], scope=scope)
    form = {"grant_type": "authorization_code", "code": told["code"], "code_verifier": VERIFIER}
    form |= {"client_id": "editor", "redirect_uri": DESK_BACK}
    answer = await house.http.post(f"{ISSUER}/token", data=form)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def _there(house: Household) -> bool:
    token = await house.token("operator", "notes", "mcp:read")
    return "Plan" in (await house.call("notes", token, "tools/call", {"name": "list_notes", "arguments": {}})).text


async def _waits(house: Household, token: str, agent: str, going: asyncio.Task[Any]) -> None:
    """Until the scribe says that it waits for somebody."""
    at_scribe = token if agent == "scribe" else await house.exchanged(agent, token, "scribe", "agent:ask")
    async with client_of(house.wire.apps[AGENTS["scribe"]], at_scribe, AGENTS["scribe"]) as watching:

        async def asks() -> bool:
            states = [task.status.state for task in await listed(watching)]
            return going.done() or TaskState.TASK_STATE_AUTH_REQUIRED in states

        await until(asks)


async def _approved(house: Household, token: str, agent: str, asked: str, decision: str = "") -> list[Any]:
    """What is heard from the person's yes to the call on; without `decision` nobody is at the page."""
    url = AGENTS[agent]
    async with client_of(house.wire.apps[url], token, url) as client:
        heard = await say(client, message(asked))
        assert state_in(heard) == "INPUT_REQUIRED", steps(heard)
        (one,) = approvals_in(heard)
        assert one["tool"] == "delete_note"
        task, context = ids_in(heard)
        yes = message(data={"decisions": {one["call"]: "approve"}}, task=task, context=context)
        going = asyncio.create_task(say(client, yes))
        if decision:
            await _waits(house, token, agent, going)
            assert not going.done(), steps(going.result())
            assert await _there(house), "nothing is done before they have decided"
            grace = await at_requests(_seat(house), **_GRACE)
            assert len(waiting(grace)) == 1
            assert "delete_note" in grace.page
            await decide(grace, decision)
        return await asyncio.wait_for(going, 60)


@pytest.mark.parametrize(
    ("agent", "scope", "asked", "at"),
    [
        ("scribe", "agent:ask", ASKED, ["scribe"]),
        ("concierge", "agent:ask agent:save", f"Ask the scribe to {ASKED}", ["concierge", "scribe"]),
    ],
)
async def test_what_a_person_allows_on_their_page_is_done(
    house: Household, agent: str, scope: str, asked: str, at: list[str]
) -> None:
    heard = await _approved(house, await _token(house, agent, scope), agent, asked, "once")
    assert state_in(heard) == "COMPLETED", steps(heard)
    (consent,) = [step for step in steps(heard) if step["event"] == "consent_needed"]
    assert (consent["server"], consent["scope"], consent["at"]) == ("notes", ALL, at)
    assert consent["at_url"] == f"{ISSUER}/requests"
    assert not await _there(house)
    assert answer_in(heard)
    told = [said["outcome"] for _, event, said in house.audit if event == "backchannel"]
    assert told == ["requested", "approved"]


async def test_what_a_person_refuses_on_their_page_is_not_done(house: Household) -> None:
    heard = await _approved(house, await _token(house, "scribe", "agent:ask"), "scribe", ASKED, "refuse")
    assert state_in(heard) == "COMPLETED"
    (refused,) = [step for step in steps(heard) if step["event"] == "tool_refused"]
    assert (refused["tool"], refused["server"]) == ("delete_note", "notes")
    assert "refused" in refused["why"] or "denied" in refused["why"]
    assert await _there(house)


def _asked_nobody(house: Household, heard: list[Any]) -> None:
    """The call was refused for its scope, and no person heard of it."""
    assert [step["tool"] for step in steps(heard) if step["event"] == "tool_refused"] == ["delete_note"]
    assert "consent_needed" not in [step["event"] for step in steps(heard)]
    assert [event for _, event, _ in house.audit if event == "backchannel"] == []


async def test_for_a_machine_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DACA_LIST_ALL_TOOLS", "true")
    async with household(tmp_path) as house:
        await _furnished(house, tmp_path)
        heard = await _approved(house, await house.token("operator", "scribe", "agent:ask"), "scribe", ASKED)
        _asked_nobody(house, heard)
        assert await _there(house)


@pytest.mark.parametrize("may_ask", [{}, {"notes": ("mcp:read",)}])
async def test_a_person_is_asked_for_nothing_that_the_profile_does_not_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, may_ask: dict[str, tuple[str, ...]]
) -> None:
    monkeypatch.setenv("DACA_LIST_ALL_TOOLS", "true")
    async with household(tmp_path, {"scribe": {"may_ask": may_ask}}) as house:
        await _furnished(house, tmp_path)
        heard = await _approved(house, await _token(house, "scribe", "agent:ask"), "scribe", ASKED)
        _asked_nobody(house, heard)
        assert await _there(house)


async def test_a_machine_is_not_even_offered_what_only_a_person_can_allow(house: Household) -> None:
    url, token = AGENTS["scribe"], await house.token("operator", "scribe", "agent:ask")
    async with client_of(house.wire.apps[url], token, url) as client:
        heard = await say(client, message(ASKED))
    assert state_in(heard) == "COMPLETED"
    assert [step for step in steps(heard) if step["event"] in {"tool_called", "approval_needed"}] == []
    assert await _there(house)
