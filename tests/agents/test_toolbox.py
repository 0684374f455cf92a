"""The toolbox against MCP servers that are slow, away, old, or other people's."""

import asyncio
import json
from typing import Any, cast

import httpx2
import pytest
from agents import RunContextWrapper
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router

from daca_agents.refusals import ToolServerAway, ToolServerProblem, ToolServerRefused
from daca_agents.tool_server import ToolServer
from daca_agents.toolbox import Tools
from tests.mcp_server.issuer import Wire

URL = "http://localhost:7000/mcp"


class OldServer:
    """Someone else's server of 2025-06-18, with sessions; one tool, `wait`."""

    def __init__(self) -> None:
        self.waiting = 0
        self.most = 0
        self.one_here = asyncio.Event()
        self.all_here = asyncio.Event()
        self.methods: list[str] = []
        self.status = 200

    async def answer(self, request: Request) -> Response:
        """POST /mcp."""
        message = await request.json()
        self.methods.append(message["method"])
        if self.status != 200:
            return Response(status_code=self.status)
        if "id" not in message:
            return Response(status_code=202)
        result = await self._result(message)
        if result is None:
            error = {"code": -32601, "message": "Method not found"}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error}, status_code=404)
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})

    async def _result(self, message: dict[str, Any]) -> dict[str, Any] | None:
        if message["method"] == "initialize":
            info = {"name": "old", "version": "1"}
            return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
        if message["method"] == "tools/list":
            return {"tools": [{"name": "wait", "inputSchema": {"type": "object"}}]}
        if message["method"] == "tools/call":
            self.waiting += 1
            self.one_here.set()
            self.most = max(self.most, self.waiting)
            if self.most == 8:
                self.all_here.set()
            await self.all_here.wait()
            self.waiting -= 1
            return {"content": [{"type": "text", "text": json.dumps(message["params"]["arguments"])}]}
        return None


@pytest.fixture
def old() -> OldServer:
    return OldServer()


@pytest.fixture
def wire(old: OldServer) -> Wire:
    made = Wire()
    made.apps["http://localhost:7000"] = Router([Route("/mcp", old.answer, methods=["POST"])])
    return made


def never(_: RunContextWrapper[Any], problem: ToolServerProblem) -> None:
    pytest.fail(str(problem))


def toolbox(wire: Wire, now: list[float] | None = None) -> ToolServer:
    http = httpx2.AsyncClient(transport=wire)
    return ToolServer("old", URL, http, failed=never, clock=lambda: (now or [0.0])[0])


async def test_calls_to_one_server_run_side_by_side(wire: Wire, old: OldServer) -> None:
    server = toolbox(wire)
    async with asyncio.timeout(60):
        results = await asyncio.gather(*(server.call_tool("wait", {"number": number}) for number in range(8)))
    assert old.most == 8
    assert [json.loads(result.content[0].text)["number"] for result in results] == list(range(8))  # type: ignore[union-attr]


@pytest.mark.requirement("CL-46")
async def test_the_era_of_a_server_is_asked_once(wire: Wire, old: OldServer) -> None:
    server = toolbox(wire)
    old.all_here.set()
    await server.call_tool("wait", {})
    await server.call_tool("wait", {})
    assert old.methods.count("server/discover") == 1
    assert old.methods.count("initialize") == 2


async def test_a_list_of_tools_is_kept_for_a_while(wire: Wire, old: OldServer) -> None:
    now = [0.0]
    server = toolbox(wire, now)
    for now[0] in (0.0, 29.0, 31.0):
        assert [tool.name for tool in await server.list_tools()] == ["wait"]
    assert old.methods.count("tools/list") == 2


async def test_a_server_that_was_away_is_used_once_it_is_back(wire: Wire) -> None:
    now = [0.0]
    server = toolbox(wire, now)
    app = wire.apps.pop("http://localhost:7000")
    problem = await server.survey()
    assert isinstance(problem, ToolServerAway)
    assert problem.why == f"{URL} can not be reached"
    assert await server.list_tools() == []
    wire.apps["http://localhost:7000"] = app
    now[0] = 3.0
    assert await server.survey() is None
    assert [tool.name for tool in await server.list_tools()] == ["wait"]


async def test_a_server_that_is_away_is_not_asked_again_at_once(wire: Wire) -> None:
    server = toolbox(wire)
    wire.apps.clear()
    await server.survey()
    asked = len(wire.seen)
    assert await server.list_tools() == []
    assert len(wire.seen) == asked


async def test_one_call_that_breaks_does_not_break_its_neighbours(wire: Wire, old: OldServer) -> None:
    server = toolbox(wire)
    await server.survey()
    neighbour = asyncio.create_task(server.call_tool("wait", {"number": 1}))
    await old.one_here.wait()
    app = wire.apps.pop("http://localhost:7000")
    with pytest.raises(ToolServerAway):
        await server.call_tool("wait", {})
    wire.apps["http://localhost:7000"] = app
    old.all_here.set()
    assert (await neighbour).is_error is False


@pytest.mark.parametrize("status", [403, 404, 500, 503])
async def test_a_server_that_answers_with_an_error_is_named(wire: Wire, old: OldServer, status: int) -> None:
    old.status = status
    with pytest.raises(ToolServerRefused, match=r"^old: http://localhost:7000/mcp answered: "):
        await toolbox(wire).call_tool("wait", {})


class Place:
    """A tool server that is asked what it offers, and answers when it may."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name = name
        self.asked = asked
        self.may = asyncio.Event()
        self.answered = asyncio.Event()

    async def survey(self) -> None:
        self.asked.append(self.name)
        await self.may.wait()
        self.answered.set()
        self.asked.append(f"{self.name} answered")


async def test_servers_are_asked_in_the_profiles_order_and_the_silent_one_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    first, second = Place("first", asked), Place("second", asked)
    second.may.set()
    tools = Tools(servers=cast("Any", (second, first)))
    first.may.set()
    await tools.survey()
    assert asked == ["second", "second answered", "first", "first answered"]

    asked.clear()
    first.may.clear()
    second.answered.clear()
    monkeypatch.setattr("daca_agents.toolbox._SOON", 0.01)
    asking = asyncio.create_task(Tools(servers=cast("Any", (first, second))).survey())
    async with asyncio.timeout(30):
        await second.answered.wait()
    first.may.set()
    assert await asking == []
