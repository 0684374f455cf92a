"""A run with a scripted model, behind an OpenAI-compatible endpoint: its audit is the same to the byte every time."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, Router

from tests.agents.model_endpoint import KEY, listening
from tests.flows.household import RESOURCES, Household, household

# What the model says at each turn, by a tool that only this agent has: calls, and last words.
SCRIPT: Mapping[str, Sequence[tuple[str, Mapping[str, str]] | str]] = {
    "ask_scribe": (
        ("ask_researcher", {"request": "What time is it in Tokyo?"}),
        ("ask_scribe", {"request": "Write it down as note Tokyo."}),
        "It is written down.",
    ),
    "get_time": (("get_time", {"time_zone": "Asia/Tokyo"}), "It is late."),
    "write_note": (("write_note", {"name": "Tokyo", "text": "It is late."}), "Done."),
}
# Only what is made anew each time: ids, keys, traces.
FRESH = ("jti", "parent", "kid", "trace_id", "permission")


class Script:
    """Speaks the API's streaming and its plain form; the turn is how many tools have answered."""

    async def complete(self, request: Request) -> Response:
        body = await request.json()
        assert request.headers["authorization"] == f"Bearer {KEY}"
        said = _turn(body)
        if not body.get("stream"):
            choice = {"index": 0, "message": said, "finish_reason": "tool_calls" if "tool_calls" in said else "stop"}
            return JSONResponse({**_about("chat.completion"), "choices": [choice]})
        return StreamingResponse(_streamed(said), media_type="text/event-stream")


def _turn(body: Any) -> dict[str, Any]:
    offered = {tool["function"]["name"] for tool in body["tools"]}
    [script] = [turns for mark, turns in SCRIPT.items() if mark in offered]
    number = sum(message["role"] == "tool" for message in body["messages"])
    turn = script[number]
    if isinstance(turn, str):
        return {"role": "assistant", "content": turn}
    function = {"name": turn[0], "arguments": json.dumps(turn[1])}
    call = {"index": 0, "id": f"call_{turn[0]}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


async def _streamed(said: Mapping[str, Any]) -> AsyncIterator[str]:
    """As the API does: the arguments of a call in pieces, words one by one."""
    for delta in _pieces(said):
        yield _chunk(delta, None)
    yield _chunk({}, "tool_calls" if "tool_calls" in said else "stop")
    yield "data: [DONE]\n\n"


def _pieces(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    if "tool_calls" not in said:
        return [{"content": word} for word in re.split(r"(?= )", said["content"])]
    [call] = said["tool_calls"]
    arguments = call["function"]["arguments"]
    begun = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
    rest = [{"index": 0, "function": {"arguments": arguments[at : at + 7]}} for at in range(0, len(arguments), 7)]
    return [{"role": "assistant", "tool_calls": [piece]} for piece in (begun, *rest)]


def _chunk(delta: Mapping[str, Any], reason: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return f"data: {json.dumps({**_about('chat.completion.chunk'), 'choices': [choice]})}\n\n"


def _about(kind: str) -> dict[str, Any]:
    return {"id": "c", "object": kind, "created": 1, "model": "scripted"}


async def run(folder: Path) -> Household:
    """The operator asks concierge, which asks researcher and scribe, in a world of its own."""
    router = Router([Route("/v1/chat/completions", Script().complete, methods=["POST"])])
    async with (
        listening(router) as url,
        household(folder, openai_api_key=KEY, openai_base_url=f"{url}/v1", model="scripted") as house,
    ):
        token = await house.token("operator", "concierge", "agent:ask", "agent:save")
        question = {"input": "Find out how late it is in Tokyo and write it down."}
        answer = await house.http.post(
            f"{RESOURCES['concierge']}/ask", json=question, headers={"authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["output"] == "It is written down."
        assert answer.json()["rehearsed"] is False
        return house


def _folders(within: Path, number: int) -> list[Path]:
    folders = [within / str(at) for at in range(number)]
    for folder in folders:
        folder.mkdir()
    return folders


def told(house: Household) -> list[str]:
    """The audit, line by line, without what is made anew each time."""
    return [
        f"{app} {event} {json.dumps({name: value for name, value in said.items() if name not in FRESH})}"
        for app, event, said in house.audit
    ]


@pytest.mark.requirement("RS-34")
async def test_a_scripted_run_has_the_same_audit_to_the_byte_and_the_chain_of_three_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Servers are asked what they offer one after the other, unless one takes long: here that is the machine's fault.
    monkeypatch.setattr("daca_agents.toolbox._SOON", 60)
    first, second, third = [told(await run(folder)) for folder in _folders(tmp_path, 3)]

    assert first == second == third
    written = next(json.loads(line.split(" ", 2)[2]) for line in first if '"write_note"' in line)
    assert written["outcome"] == "called"
    assert written["subject"] == "client:operator"
    assert written["actors"] == "client:scribe client:concierge"


async def test_every_decision_in_a_callers_name_is_of_one_trace(tmp_path: Path) -> None:
    house = await run(tmp_path)

    delegated = [said for _, _, said in house.audit if said.get("actors")]
    assert {app for app, _, said in house.audit if said.get("actors")} == {"auth-server", "notes", "clock"}
    assert len({said["trace_id"] for said in delegated}) == 1
