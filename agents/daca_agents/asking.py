"""One question, from the words to the answer or to a person's decision, told as it happens."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import openai
from agents import Agent, RunConfig, Runner, RunState, set_tracing_disabled
from agents.exceptions import AgentsException, MaxTurnsExceeded
from agents.memory import Session
from agents.result import RunResultStreaming

from daca_agents.approvals import Paused, Resumed, again, forward, pause, settle
from daca_agents.conversation_history import joined
from daca_agents.errand import Errand, Event, told
from daca_agents.happenings import heard_by
from daca_agents.mind import Mind
from daca_agents.peers import Talks
from daca_agents.profile import Profile
from daca_agents.refusals import ToolServerProblem
from daca_agents.toolbox import Tools
from resource_server import Caller

_TURNS = 10
_SECONDS = 120
_PATIENCE = 600

# Traces would go to OpenAI: what people ask is nobody's business.
set_tracing_disabled(True)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, in which conversation; or a run that had paused, with what a person has decided."""

    text: str = ""
    session: Session | None = None
    talks: Talks = field(default_factory=Talks)
    resumed: Resumed | None = None


Happening = Event | Paused
Asking = Callable[[Question, Caller], AsyncGenerator[Happening]]
"""How a question of this caller is asked."""


async def ask(profile: Profile, mind: Mind, tools: Tools, question: Question) -> AsyncGenerator[Happening]:
    """Everything that happens until the answer, or until the run pauses for a person's decision.

    Closing the generator stops the run and its tool calls.
    """
    heard: asyncio.Queue[Happening | None] = asyncio.Queue()
    latest = asyncio.get_running_loop().time() + _SECONDS + _PATIENCE
    work = _Work(profile=profile, mind=mind, tools=tools, question=question, heard=heard, latest=latest)
    working = asyncio.create_task(work.whole())
    try:
        while happening := await heard.get():
            yield happening
        await working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


@dataclass(frozen=True, kw_only=True)
class _Work:
    """One question under way."""

    profile: Profile
    mind: Mind
    tools: Tools
    question: Question
    heard: asyncio.Queue[Happening | None]
    latest: float
    """When it ends for certain, in the loop's time, however long people are waited for."""
    limit: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(_SECONDS))

    async def whole(self) -> None:
        """From the tools' survey to the end, whichever it is."""
        try:
            async with self.limit:
                with heard_by(self.tell):
                    await self._go()
        except (AgentsException, openai.OpenAIError, TimeoutError) as error:
            self.tell("error", {"message": _said(error)})
        finally:
            self.heard.put_nowait(None)

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        """Say what happened; here, unless it says where."""
        if kind == "consent_needed":
            self._wait_longer(data.get("expires_in"))
        if kind != "approval_needed":  # a peer's is told when this run pauses for it, and as what is decided here
            self.heard.put_nowait(Event(kind=kind, data={"at": [self.profile.client_id]} | data))

    def _wait_longer(self, seconds: object) -> None:
        """While a person is asked, here or at a peer, as long as they have; then as long as any other run."""
        asked = seconds if isinstance(seconds, (int, float)) and 0 < seconds <= _PATIENCE else 0
        when = asyncio.get_running_loop().time() + asked + _SECONDS
        with suppress(RuntimeError):  # it may be over by now
            self.limit.reschedule(min(when, self.latest))

    async def _go(self) -> None:
        away = await self.tools.survey()
        for problem in away:
            self.tell("server_away", {"server": problem.server, "why": problem.why})
        agent, resumed, talks = self._agent(away), self.question.resumed, self.question.talks
        errand = Errand(tools=dict(resumed.paused.tools) if resumed else {})
        if resumed is None:
            return await self._run(agent, errand, self.question.text)
        await forward(resumed, self.tools.peers, talks)
        if talks.waiting:
            return self._pause(again(resumed, talks))
        return await self._run(agent, errand, await settle(agent, errand, resumed))

    async def _run(self, agent: Agent[Errand], errand: Errand, given: str | RunState[Errand, Agent[Any]]) -> None:
        run = self._begun(agent, errand, given)
        try:
            async for happened in run.stream_events():
                if event := told(happened, errand):
                    self.tell(event.kind, dict(event.data))
        finally:
            run.cancel()
        if run.interruptions:
            return self._pause(pause(run, errand, self.question.talks, self.profile.client_id))
        data = {"agent": self.profile.client_id, "output": str(run.final_output or "")}
        return self.tell("final", data | {"model": self.mind.name, "rehearsed": self.mind.rehearsed})

    def _pause(self, paused: Paused) -> None:
        for approval in paused.approvals:
            self.heard.put_nowait(Event(kind="approval_needed", data=approval))
        self.heard.put_nowait(paused)

    def _begun(
        self, agent: Agent[Errand], errand: Errand, given: str | RunState[Errand, Agent[Any]]
    ) -> RunResultStreaming:
        config = RunConfig(tracing_disabled=True, session_input_callback=joined)
        context = errand if isinstance(given, str) else None  # a run that goes on has it already
        return Runner.run_streamed(
            agent, given, context=context, max_turns=_TURNS, run_config=config, session=self.question.session
        )

    def _agent(self, away: Sequence[ToolServerProblem]) -> Agent[Errand]:
        absent = "".join(f"\n- {problem.server} can not be used now: {problem.why}" for problem in away)
        names, talks = {problem.server for problem in away}, self.question.talks
        return Agent[Errand](
            name=self.profile.name,
            instructions=self.profile.instructions + absent,
            model=self.mind.model,
            mcp_servers=[server for server in self.tools.servers if server.name not in names],
            tools=[peer.tool(talks) for peer in self.tools.peers if peer.name not in names],
        )


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
