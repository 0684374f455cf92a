"""POST /ask: a question in, an answer out, as one JSON object or as it happens."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from daca_agents.approvals import Paused
from daca_agents.asking import Asking, Happening
from daca_agents.asking import Question as Asked
from daca_agents.errand import Event
from daca_agents.waiting import Waiting
from resource_server import Caller, current_caller

_STREAM = "text/event-stream"
_BAD_GATEWAY = 502
_ACCEPTED = 202


class Question(BaseModel):
    """What to ask. `stream` overrules the Accept header."""

    model_config = ConfigDict(extra="forbid")

    input: Annotated[str, Field(min_length=1, max_length=8000)]
    stream: bool | None = None


def ask_endpoint(asking: Asking, waiting: Waiting) -> APIRouter:
    """The routes of one agent."""
    router = APIRouter()

    @router.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.post("/ask", response_model=None)
    async def answer(question: Question, request: Request) -> Response:
        caller = current_caller()
        events = _events(asking(Asked(text=question.input), caller), question.input, caller, waiting)
        streams = _STREAM in request.headers.get("accept", "") if question.stream is None else question.stream
        if streams:
            return StreamingResponse(_frames(events), media_type=_STREAM, headers={"cache-control": "no-store"})
        return await _whole(events, request)

    return router


async def _events(
    happenings: AsyncGenerator[Happening], words: str, caller: Caller, waiting: Waiting
) -> AsyncGenerator[Event]:
    """What happens, in which a pause is an A2A task: what must be decided is told when that is there to be decided."""
    async with aclosing(happenings):
        async for happening in happenings:
            if isinstance(happening, Paused):
                task = await waiting.begin(happening, words, caller)
                for approval in happening.approvals:
                    yield Event(kind="approval_needed", data={**approval, **task})
            elif happening.kind != "approval_needed":
                yield happening


async def _frames(events: AsyncGenerator[Event]) -> AsyncGenerator[str]:
    """Each event as it happens. When the asker hangs up, the server closes this, and this closes the run."""
    async with aclosing(events):
        async for event in events:
            yield f"event: {event.kind}\ndata: {json.dumps(event.data, ensure_ascii=False)}\n\n"


async def _whole(events: AsyncGenerator[Event], request: Request) -> Response:
    """The answer with what happened on the way; nothing, and nothing more is done, when the asker hangs up."""
    collecting = asyncio.create_task(_collected(events))
    leaving = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({collecting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return collecting.result() if collecting.done() else Response(status_code=499)
    finally:
        for task in (collecting, leaving):
            task.cancel()
        await asyncio.gather(collecting, leaving, return_exceptions=True)


async def _collected(events: AsyncGenerator[Event]) -> Response:
    steps: list[dict[str, Any]] = []
    async with aclosing(events):
        async for event in events:
            if event.kind == "final":
                return JSONResponse({**event.data, "steps": steps})
            if event.kind == "error":
                return JSONResponse({"error": event.data["message"], "steps": steps}, status_code=_BAD_GATEWAY)
            if event.kind != "token":
                steps.append({"event": event.kind, **event.data})
    if steps and "task" in steps[-1]:
        waits = {name: steps[-1][name] for name in ("task", "context")}
        return JSONResponse({**waits, "steps": steps}, status_code=_ACCEPTED)
    return JSONResponse({"error": "no answer", "steps": steps}, status_code=_BAD_GATEWAY)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
