"""The agent over A2A, as somebody else's client meets it: its card, its tasks, its refusals."""

import json

import httpx2
import pytest
from a2a.types import ListTasksRequest
from a2a.utils.errors import TaskNotFoundError

from tests.agents.a2a import answer_in, client_of, ids_in, message, say, state_in, steps, task_of, token_of
from tests.agents.conftest import RESEARCHER, World
from tests.agents.model_endpoint import Endpoint, settings_of

CARD = f"{RESEARCHER}/.well-known/agent-card.json"


async def test_a_stranger_learns_from_the_card_where_and_how_to_get_in(world: World) -> None:
    await world.start()
    async with httpx2.AsyncClient(transport=world.wire) as http:
        card = (await http.get(CARD)).json()
    assert card["supportedInterfaces"] == [
        {"url": f"{RESEARCHER}/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    ]
    assert card["capabilities"]["streaming"] is True
    scheme = card["securitySchemes"]["oauth2"]["oauth2SecurityScheme"]
    assert scheme["oauth2MetadataUrl"] == "http://localhost:9000/.well-known/oauth-authorization-server"
    assert scheme["flows"]["clientCredentials"]["tokenUrl"] == "http://localhost:9000/token"
    assert {"schemes": {"oauth2": {"list": ["agent:ask"]}}} in card["securityRequirements"]


async def test_the_card_is_there_while_the_issuer_is_away(world: World) -> None:
    await world.start()
    world.wire.apps.pop("http://localhost:9000")
    async with httpx2.AsyncClient(transport=world.wire) as http:
        card = (await http.get(CARD)).json()
    scheme = card["securitySchemes"]["oauth2"]["oauth2SecurityScheme"]
    assert scheme == {"oauth2MetadataUrl": "http://localhost:9000/.well-known/oauth-authorization-server"}


async def test_a_foreign_client_asks_and_hears_every_step_and_the_answer(world: World) -> None:
    door = await world.start()
    async with client_of(door, token_of(world)) as client:
        heard = await say(client, message("What time is it in Tokyo?"))
        kinds = [step["event"] for step in steps(heard) if step["event"] != "token_obtained"]
        assert kinds == ["tool_called", "tool_result", "final"]
        assert steps(heard)[0]["at"] == ["researcher"]
        assert "Asia/Tokyo" in answer_in(heard)
        assert state_in(heard) == "COMPLETED"
        task_id, _ = ids_in(heard)
        assert "Asia/Tokyo" in (await task_of(client, task_id)).artifacts[0].parts[0].text


@pytest.mark.requirement("RS-09", "RS-10")
async def test_without_a_token_there_is_a_challenge_and_no_task(world: World) -> None:
    await world.start()
    async with httpx2.AsyncClient(transport=world.wire) as http:
        refused = await http.post(f"{RESEARCHER}/a2a", json={})
        assert refused.status_code == 401
        assert "resource_metadata=" in refused.headers["www-authenticate"]
        for path in ("/a2a/", "/.well-known/agent.json", "/tasks"):
            assert (await http.post(f"{RESEARCHER}{path}", json={})).status_code in {401, 404}


@pytest.mark.requirement("RS-27", "RS-28")
@pytest.mark.parametrize(("subject", "client_id"), [("bob", "desk"), ("ada", "other")])
async def test_a_task_is_its_owners_alone(world: World, subject: str, client_id: str) -> None:
    door = await world.start()
    async with client_of(door, token_of(world)) as client:
        task_id, context_id = ids_in(await say(client, message("What time is it in UTC?")))
        assert [task.id for task in (await client.list_tasks(ListTasksRequest())).tasks] == [task_id]
    async with client_of(door, token_of(world, subject, client_id)) as stranger:
        with pytest.raises(TaskNotFoundError):
            await task_of(stranger, task_id)
        with pytest.raises(TaskNotFoundError):
            await say(stranger, message("approve", task=task_id, context=context_id))
        assert list((await stranger.list_tasks(ListTasksRequest())).tasks) == []


async def test_a_conversation_goes_on_in_its_context_and_in_no_other(
    world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = await world.start(settings=settings_of(endpoint, monkeypatch))
    async with client_of(door, token_of(world)) as client:
        _, context_id = ids_in(await say(client, message("My cat is called Mia.")))
        await say(client, message("What is she called?", context=context_id))
        assert "Mia" in json.dumps(endpoint.seen[-1])
        await say(client, message("What is she called?"))
        assert "Mia" not in json.dumps(endpoint.seen[-1])
    async with client_of(door, token_of(world, "bob")) as stranger:
        await say(stranger, message("What is she called?", context=context_id))
        assert "Mia" not in json.dumps(endpoint.seen[-1])
