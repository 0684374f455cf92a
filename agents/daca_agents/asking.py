"""One question, from the words to the answer, told as it happens."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import openai
from agents import Agent, RunConfig, RunContextWrapper, Runner, set_tracing_disabled
from agents.exceptions import AgentsException, MaxTurnsExceeded
from agents.items import ToolCallItem, ToolCallOutputItem
from agents.result import RunResultStreaming
from agents.stream_events import RawResponsesStreamEvent, RunItemStreamEvent, StreamEvent
from agents.tool_context import ToolContext
from openai.types.responses import ResponseTextDeltaEvent

from daca_agents.happenings import Tell, heard_by
from daca_agents.mind import Mind
from daca_agents.peers import Talks
from daca_agents.profile import Profile
from daca_agents.refusals import ToolServerProblem
from daca_agents.rehearsed_model import text_of
from daca_agents.toolbox import Tools

_LOG = logging.getLogger("daca_agents")
_TURNS = 10
_SECONDS = 120
_SHOWN = 4000

# Traces would go to OpenAI: what people ask is nobody's business.
set_tracing_disabled(True)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened: token, tool_called, tool_result, tool_refused, server_away, final or error."""

    kind: str
    data: Mapping[str, Any]


@dataclass(kw_only=True)
class Errand:
    """What one question has met on its way: failed calls by their id."""

    failed: dict[str, ToolServerProblem] = field(default_factory=dict[str, ToolServerProblem])
    tools: dict[str, str] = field(default_factory=dict[str, str])


def note_failure(context: RunContextWrapper[Any], problem: ToolServerProblem) -> None:
    """A tool call failed: remember it, so that it is told apart from an answer."""
    _LOG.info("tool refused: server=%s why=%s", problem.server, problem.why)
    if isinstance(context, ToolContext) and isinstance(context.context, Errand):
        context.context.failed[context.tool_call_id] = problem


async def ask(
    profile: Profile, mind: Mind, tools: Tools, text: str, talks: Talks | None = None
) -> AsyncGenerator[Event]:
    """Everything that happens until the answer. Closing the generator stops the run and its tool calls."""
    told: asyncio.Queue[Event | None] = asyncio.Queue()

    def tell(kind: str, data: Mapping[str, Any]) -> None:
        told.put_nowait(Event(kind=kind, data={"at": [profile.client_id]} | dict(data)))

    async def work() -> None:
        try:
            with heard_by(tell):
                await _run(_Question(profile=profile, mind=mind, tools=tools, text=text, talks=talks or Talks()), tell)
        finally:
            told.put_nowait(None)

    working = asyncio.create_task(work())
    try:
        while event := await told.get():
            yield event
        await working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


@dataclass(frozen=True, kw_only=True)
class _Question:
    profile: Profile
    mind: Mind
    tools: Tools
    text: str
    talks: Talks


async def _run(question: _Question, tell: Tell) -> None:
    away = await question.tools.survey()
    for problem in away:
        tell("server_away", {"server": problem.server, "why": problem.why})
    errand = Errand()
    run = Runner.run_streamed(
        _agent(question, away),
        question.text,
        context=errand,
        max_turns=_TURNS,
        run_config=RunConfig(tracing_disabled=True),
    )
    try:
        async with asyncio.timeout(_SECONDS):
            async for happened in run.stream_events():
                if event := _told(happened, errand):
                    tell(event.kind, dict(event.data))
        tell("final", _final(question.profile, question.mind, run))
    except (AgentsException, openai.OpenAIError, TimeoutError) as error:
        tell("error", {"message": _said(error)})
    finally:
        run.cancel()


def _agent(question: _Question, away: Sequence[ToolServerProblem]) -> Agent[Errand]:
    absent = "".join(f"\n- {problem.server} can not be used now: {problem.why}" for problem in away)
    names, tools = {problem.server for problem in away}, question.tools
    return Agent[Errand](
        name=question.profile.name,
        instructions=question.profile.instructions + absent,
        model=question.mind.model,
        mcp_servers=[server for server in tools.servers if server.name not in names],
        tools=[peer.tool(question.talks) for peer in tools.peers if peer.name not in names],
    )


def _told(happened: StreamEvent, errand: Errand) -> Event | None:
    if isinstance(happened, RawResponsesStreamEvent):
        if isinstance(happened.data, ResponseTextDeltaEvent):
            return Event(kind="token", data={"text": happened.data.delta})
    elif isinstance(happened, RunItemStreamEvent):
        if isinstance(happened.item, ToolCallItem):
            return _called(happened.item, errand)
        if isinstance(happened.item, ToolCallOutputItem):
            return _answered(happened.item, errand)
    return None


def _called(item: ToolCallItem, errand: Errand) -> Event:
    call: Any = item.raw_item
    errand.tools[call.call_id] = call.name
    return Event(
        kind="tool_called", data={"call": call.call_id, "tool": call.name, "arguments": call.arguments[:_SHOWN]}
    )


def _answered(item: ToolCallOutputItem, errand: Errand) -> Event:
    call = item.call_id or ""
    told = {"call": call, "tool": errand.tools.get(call, "")}
    if problem := errand.failed.get(call):
        return Event(kind="tool_refused", data=told | {"server": problem.server, "why": problem.why})
    failed = bool((item.custom_data or {}).get("error"))
    return Event(kind="tool_result", data=told | {"output": text_of(item.output)[:_SHOWN], "error": failed})


def _final(profile: Profile, mind: Mind, run: RunResultStreaming) -> dict[str, Any]:
    said = {"agent": profile.client_id, "output": str(run.final_output or "")}
    return said | {"model": mind.name, "rehearsed": mind.rehearsed}


def _said(error: Exception) -> str:
    """What the asker may know: the kind of failure, never what was sent to whom."""
    if isinstance(error, openai.APIStatusError):
        return f"the model endpoint answered {error.status_code}"
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (MaxTurnsExceeded, f"no answer after {_TURNS} turns"),
        (TimeoutError, f"no answer within {_SECONDS} seconds"),
        (openai.OpenAIError, f"the model endpoint can not be used: {type(error).__name__}"),
    )
    found = (said for kind, said in reasons if isinstance(error, kind))
    return next(found, f"the agent could not go on: {type(error).__name__}")
