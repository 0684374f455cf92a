"""The researcher with the rehearsed model: the loop, the tokens, the tools and the refusals are real."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from daca_agents.app import check_secret
from daca_agents.profile import load_profile
from daca_agents.rehearsal import SAYS_SO
from sidecar.secrets import SecretMissing
from tests.agents.conftest import CLOCK, NOTES, PROFILE, RESEARCHER, SECRET, World


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    frames = [dict(line.split(": ", 1) for line in frame.splitlines()) for frame in text.strip().split("\n\n")]
    return [(frame["event"], json.loads(frame["data"])) for frame in frames]


async def test_a_question_is_answered_with_what_the_tools_really_say(world: World) -> None:
    await world.start()
    await world.note("Plan", "We leave on Friday.")
    answer = await world.ask("What time is it in Tokyo? And read the note 'Plan'.")
    assert answer["rehearsed"] is True
    assert SAYS_SO in answer["output"]
    assert "Asia/Tokyo" in answer["output"]
    assert "We leave on Friday." in answer["output"]
    assert [step["event"] for step in answer["steps"]].count("tool_result") == 2


async def test_a_search_leads_to_reading_what_was_found(world: World) -> None:
    await world.start()
    await world.note("Bread", "flour, water, salt")
    answer = await world.ask("Find and read the note about flour")
    called = [step["tool"] for step in answer["steps"] if step["event"] == "tool_called"]
    assert called == ["search_notes", "read_note"]
    assert "flour, water, salt" in answer["output"]


@pytest.mark.requirement("CM-05")
async def test_the_agent_gets_a_token_for_each_server_by_itself_and_once_for_a_caller(world: World) -> None:
    await world.start()
    caller = world.http()
    await world.ask("What time is it? List all notes.", caller)
    await world.ask("What time is it? List all notes.", caller)
    assert sorted(form["resource"] for form in world.issuer.asked) == [f"{NOTES}/mcp", f"{CLOCK}/mcp"]
    assert {form["scope"] for form in world.issuer.asked} == {"mcp:read"}
    assert {form["grant_type"] for form in world.issuer.asked} == {"urn:ietf:params:oauth:grant-type:token-exchange"}


async def test_the_answer_streams_as_it_happens(world: World) -> None:
    await world.start()
    async with world.http() as http:
        accept = {"accept": "text/event-stream"}
        answer = await http.post(f"{RESEARCHER}/ask", json={"input": "what time is it in UTC"}, headers=accept)
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.text)
    kinds = [kind for kind, _ in told]
    assert [kind for kind in kinds if kind.startswith("to")][:4] == [
        *("token_obtained", "token_obtained", "tool_called", "tool_result")
    ]
    assert kinds[-1] == "final"
    words = "".join(data["text"] for kind, data in told if kind == "token")
    assert words == told[-1][1]["output"]


@pytest.mark.parametrize(
    ("stream", "accept", "kind"),
    [
        (None, "*/*", "application/json"),
        (None, "application/json", "application/json"),
        (True, "application/json", "text/event-stream"),
        (False, "text/event-stream", "application/json"),
    ],
)
async def test_who_asks_chooses_how_to_hear(world: World, *, stream: bool | None, accept: str, kind: str) -> None:
    await world.start()
    async with world.http() as http:
        body = {"input": "hello", "stream": stream}
        answer = await http.post(f"{RESEARCHER}/ask", json=body, headers={"accept": accept})
    assert answer.headers["content-type"].startswith(kind)


async def test_a_tool_beyond_the_agents_scopes_is_not_offered_to_it(world: World) -> None:
    await world.start()
    answer = await world.ask("write a note 'mine': hello")
    assert "I may not use write_note" in answer["output"]
    assert await world.state.get("notes-index") is None


async def test_a_server_that_is_away_is_named_and_the_rest_goes_on(world: World) -> None:
    gone = world.wire.apps.pop(NOTES)
    await world.start()
    answer = await world.ask("What time is it in UTC? List all notes.")
    away = [step for step in answer["steps"] if step["event"] == "server_away"]
    assert [(step["server"], step["why"]) for step in away] == [("notes", f"{NOTES}/mcp can not be reached")]
    assert "get_time says" in answer["output"]
    world.wire.apps[NOTES] = gone


async def test_an_agent_that_has_no_secret_does_not_start(world: World) -> None:
    world.secrets.put("client-researcher", {"other": "x"})
    with pytest.raises(SecretMissing, match=r"client-researcher.*daca client add researcher"):
        await check_secret(world.sidecar.secrets, "researcher")


async def test_a_rotated_secret_is_picked_up_without_a_restart(world: World) -> None:
    await world.start()
    await world.ask("what time is it")
    world.issuer.clients["researcher"] = ("rotated", frozenset({"mcp:read"}))
    world.secrets.put("client-researcher", {"secret": "rotated"})
    answer = await world.ask("list all notes")
    assert "list_notes says" in answer["output"]


async def test_a_refusal_by_the_authorization_server_says_which_server_and_why(world: World) -> None:
    world.issuer.clients.clear()
    await world.start()
    answer = await world.ask("what time is it")
    why = {step["server"]: step["why"] for step in answer["steps"] if step["event"] == "server_away"}
    assert "invalid_client" in why["clock"]
    assert SECRET not in json.dumps(answer)


async def test_a_refusal_in_the_middle_of_the_run_is_told_apart_from_an_answer(world: World) -> None:
    await world.start()
    caller = world.http()
    await world.ask("what time is it", caller)
    door = world.wire.apps.pop(CLOCK)
    answer = await world.ask("what time is it", caller)
    refused = [step for step in answer["steps"] if step["event"] == "tool_refused"]
    assert [(step["server"], step["tool"]) for step in refused] == [("clock", "get_time")]
    assert f"{CLOCK}/mcp can not be reached" in refused[0]["why"]
    world.wire.apps[CLOCK] = door


async def test_a_tools_own_error_is_marked_as_one(world: World) -> None:
    await world.start()
    answer = await world.ask("read the note 'nothing'")
    result = next(step for step in answer["steps"] if step["event"] == "tool_result")
    assert result["error"] is True
    assert "no note named 'nothing'" in result["output"]


@pytest.mark.requirement("RS-09", "RS-10")
@pytest.mark.parametrize(
    ("resource", "scope", "status"),
    [
        (f"{NOTES}/mcp", "agent:ask", 401),
        (RESEARCHER, "mcp:read", 403),
    ],
)
async def test_the_agent_is_a_protected_resource_itself(world: World, resource: str, scope: str, status: int) -> None:
    await world.start()
    async with world.http(scope, resource) as http:
        answer = await http.post(f"{RESEARCHER}/ask", json={"input": "hello"})
    assert answer.status_code == status
    assert answer.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.requirement("RS-25")
async def test_the_askers_token_goes_nowhere_else(world: World) -> None:
    sent = world.overheard(CLOCK)
    await world.start()
    async with world.http() as http:
        await http.post(f"{RESEARCHER}/ask", json={"input": "what time is it"})
        asked_with = http.headers["authorization"]
    assert len(sent) > 0
    assert asked_with not in sent


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": ""},
        {"input": "x" * 8001},
        {"input": 5},
        {"input": "hi", "tools": []},
    ],
)
async def test_a_question_that_is_no_question_is_refused(world: World, body: dict[str, Any]) -> None:
    await world.start()
    async with world.http() as http:
        answer = await http.post(f"{RESEARCHER}/ask", json=body)
    assert answer.status_code == 422


async def test_eight_questions_are_answered_side_by_side(world: World) -> None:
    await world.start()
    caller = world.http()
    answers = await asyncio.gather(*(world.ask("what time is it in UTC", caller) for _ in range(8)))
    assert all("get_time says" in answer["output"] for answer in answers)
    assert len(world.issuer.asked) == 2


async def test_the_agent_is_healthy_without_a_token_and_shows_nothing_else(world: World) -> None:
    await world.start()
    async with httpx2.AsyncClient(transport=world.wire) as http:
        assert (await http.get(f"{RESEARCHER}/healthz")).json() == {"status": "ok"}
        for path in ("/ask", "/docs", "/openapi.json", "/"):
            assert (await http.get(f"{RESEARCHER}{path}")).status_code in {401, 404}


def test_the_profile_of_the_researcher_is_what_the_rest_of_the_system_expects() -> None:
    profile = load_profile(PROFILE)
    assert (profile.client_id, profile.resource, profile.port) == ("researcher", RESEARCHER, 8011)
    assert {server.url: server.scopes for server in profile.mcp_servers} == {
        f"{NOTES}/mcp": ("mcp:read",),
        f"{CLOCK}/mcp": ("mcp:read",),
    }
