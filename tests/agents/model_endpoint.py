"""A language model behind an OpenAI-compatible endpoint: a small HTTP server of that shape, on loopback."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from daca_agents.settings import Settings

KEY = "sk-of-the-test"


class Endpoint:
    """Asks for the clock, then says what the clock said. Remembers what it was sent."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.url = ""
        self.status = 200
        self.silent = asyncio.Event()
        self.hangs = False
        self.begins = False
        self.talks = False
        self.zone = "Europe/Berlin"
        self.left = asyncio.Event()
        self.go = asyncio.Event()

    async def complete(self, request: Request) -> Response:
        """POST /chat/completions, streaming."""
        body = await request.json()
        self.seen.append(body)
        self.keys.append(request.headers["authorization"])
        if self.status != 200:
            return JSONResponse({"error": {"message": f"bad key {KEY}"}}, status_code=self.status)
        said = [message for message in body["messages"] if message["role"] == "tool"]
        deltas = [{"content": word} for word in ("It is ", said[-1]["content"])] if said else [_call(self.zone)]
        deltas = [{"content": "Well."}] if self.talks else deltas
        return StreamingResponse(self._chunks(body["model"], deltas), media_type="text/event-stream")

    async def _chunks(self, model: str, deltas: list[dict[str, Any]]) -> AsyncIterator[str]:
        try:
            if self.begins:
                yield _chunk(model, {"content": "Well, "}, None)
            if self.hangs:
                self.silent.set()
                await self.go.wait()
            for delta in deltas:
                yield _chunk(model, delta, None)
            yield _chunk(model, {}, "tool_calls" if "tool_calls" in deltas[0] else "stop")
            yield "data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.left.set()
            raise


def _call(zone: str) -> dict[str, Any]:
    function = {"name": "get_time", "arguments": json.dumps({"time_zone": zone})}
    return {"role": "assistant", "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}


def _chunk(model: str, delta: dict[str, Any], reason: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"


class Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncGenerator[str]:
    server = Server(app)
    serving = asyncio.create_task(server.serve())
    await server.listens.wait()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def serving(made: Endpoint) -> AsyncGenerator[Endpoint]:
    """The endpoint, where it can be asked."""
    app = Router([Route("/v1/chat/completions", made.complete, methods=["POST"])])
    async with listening(app) as url:
        made.url = f"{url}/v1"
        yield made


def settings_of(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    monkeypatch.setenv("MODEL", "small-model")
    return Settings()
