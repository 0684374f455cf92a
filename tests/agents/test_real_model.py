"""A language model behind an OpenAI-compatible endpoint: a small HTTP server of that shape, on loopback."""

import asyncio
import json
from typing import Any

import pytest
from pydantic import SecretStr

from daca_agents.asking import Question, ask
from daca_agents.errand import Event
from daca_agents.mind import choose
from daca_agents.profile import load_profile
from daca_agents.settings import Settings
from daca_agents.toolbox import Tools
from tests.agents.conftest import PROFILE, RESEARCHER, World
from tests.agents.model_endpoint import KEY, Endpoint, settings_of


async def test_a_real_model_calls_the_tool_and_its_words_stream(
    world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start(settings=settings_of(endpoint, monkeypatch))
    async with world.http() as http:
        body = {"input": "What time is it in Berlin?", "stream": True}
        answer = await http.post(f"{RESEARCHER}/ask", json=body)
    final = json.loads(answer.text.strip().split("data: ")[-1])
    assert "Europe/Berlin" in final["output"]
    assert final["output"].startswith("It is ")
    assert (final["model"], final["rehearsed"]) == ("small-model", False)
    assert "event: tool_result" in answer.text
    assert endpoint.keys == [f"Bearer {KEY}"] * 2
    offered = {tool["function"]["name"] for tool in endpoint.seen[0]["tools"]}
    assert offered == {"get_time", "list_notes", "search_notes", "read_note"}


async def test_what_a_tool_said_reaches_the_model_as_a_plain_string(
    world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.zone = "Atlantis"
    await world.start(settings=settings_of(endpoint, monkeypatch))
    answer = await world.ask("What time is it in Atlantis?")
    heard = endpoint.seen[1]["messages"][-1]
    assert (heard["role"], answer["steps"][-1]["error"]) == ("tool", True)
    assert isinstance(heard["content"], str)
    assert "is not an IANA time zone" in heard["content"]


async def test_an_answer_that_nobody_wants_any_more_is_not_thought_to_its_end(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.begins = endpoint.hangs = True
    profile = load_profile(PROFILE)
    events = ask(profile, choose(settings_of(endpoint, monkeypatch), profile), Tools(), Question(text="hello"))
    first = await anext(events)
    assert isinstance(first, Event)
    assert first.data["text"] == "Well, "
    await events.aclose()
    async with asyncio.timeout(60):
        await endpoint.left.wait()


async def test_a_model_endpoint_that_refuses_is_said_without_its_words(
    world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.status = 401
    await world.start(settings=settings_of(endpoint, monkeypatch))
    async with world.http() as http:
        answer = await http.post(f"{RESEARCHER}/ask", json={"input": "hello"})
    assert answer.status_code == 502
    assert answer.json()["error"] == "the model endpoint answered 401"
    assert KEY not in answer.text


async def test_a_model_endpoint_that_is_away_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    await world.start(settings=Settings())
    async with world.http() as http:
        answer = await http.post(f"{RESEARCHER}/ask", json={"input": "hello"})
    assert (answer.status_code, answer.json()["error"]) == (
        502,
        "the model endpoint can not be used: APIConnectionError",
    )


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
async def test_hanging_up_stops_the_model(
    world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    endpoint.hangs = True
    await world.start(settings=settings_of(endpoint, monkeypatch))
    token = world.issuer.token(RESEARCHER, "agent:ask")
    headers = {"host": "localhost:8011", "authorization": f"Bearer {token}", "content-type": "application/json"}
    headers |= {"accept": accept}
    scope = {"type": "http", "method": "POST", "path": "/ask", "query_string": b"", "scheme": "http"}
    scope |= {"headers": [(name.encode(), value.encode()) for name, value in headers.items()], "http_version": "1.1"}
    scope |= {"root_path": "", "server": ("localhost", 8011), "client": ("127.0.0.1", 1)}
    incoming = [{"type": "http.request", "body": b'{"input": "hello"}', "more_body": False}]

    async def receive() -> Any:
        if incoming:
            return incoming.pop()
        await endpoint.silent.wait()
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pass

    async with asyncio.timeout(60):
        await world.wire.apps[RESEARCHER](scope, receive, send)
        await endpoint.left.wait()


def test_without_key_and_address_the_rehearsed_model_stands_in() -> None:
    mind = choose(Settings(), load_profile(PROFILE))
    assert (mind.name, mind.rehearsed) == ("rehearsed", True)


def test_the_key_is_in_no_text_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    settings = Settings()
    assert settings.openai_api_key == SecretStr(KEY)
    assert KEY not in repr(settings)
    mind = choose(settings, load_profile(PROFILE))
    assert (mind.name, mind.rehearsed) == ("gpt-5-mini", False)
