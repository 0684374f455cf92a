"""Runs the agent for one A2A message, and tells each step as the task's own events."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Final, cast

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import Task, TaskState, TaskStatus
from agents.memory import Session
from typing_extensions import override

from daca_agents.a2a_message import text_part
from daca_agents.approvals import Paused, Resumed
from daca_agents.asking import Asking, Happening, Question
from daca_agents.errand import Event
from daca_agents.memory import FAULTS
from daca_agents.owner import owner_of
from daca_agents.parked import TooLarge
from daca_agents.peers import Talks
from daca_agents.replica import Tasks
from daca_agents.reply import STEP
from daca_agents.requests import Admitted, admitted_in
from daca_agents.talks import talks_of
from daca_agents.waiting import asks
from resource_server import Caller
from sidecar.state import StateUnavailable

_LOG = logging.getLogger("daca_agents")
_CONSENT: Final = "consent_needed"

Remembered = Callable[[str], AbstractAsyncContextManager[Session]]
Noting = Callable[[Resumed, Caller], Iterable[Event]]
"""Writes decisions down, and gives them back as steps."""


class Executor(AgentExecutor):
    """One agent's work on its tasks. What is running can be stopped from outside."""

    def __init__(self, asking: Asking, noting: Noting, remembered: Remembered, tasks: Tasks) -> None:
        self._asking = asking
        self._noting = noting
        self._remembered = remembered
        self._parked = tasks.parked
        self._talks = tasks.talks
        self._running: dict[str, asyncio.Task[Any]] = {}

    def runs(self, task_id: str) -> bool:
        """Whether that task is being worked on here."""
        return task_id in self._running

    def stop(self, task_id: str) -> None:
        """End a run and its tool calls; nothing more is said of it."""
        if running := self._running.get(task_id):
            running.cancel()

    async def drain(self, seconds: float) -> None:
        """Let what is running come to its end, within bounds."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds)

    @override
    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """From the message to the answer, or to where a person must decide."""
        admitted = cast("Admitted", admitted_in(context.call_context))
        admitted.begun = True
        task_id, context_id = context.task_id or "", context.context_id or ""
        self._running[task_id] = cast("asyncio.Task[Any]", asyncio.current_task())
        updater = TaskUpdater(event_queue, task_id, context_id)
        try:
            if context.current_task is None:
                await event_queue.enqueue_event(_begun(context))
            await self._work(admitted, updater)
        except (StateUnavailable, *FAULTS) as error:
            _LOG.error("no memory: %s", type(error).__name__)
            await _say(updater, TaskState.TASK_STATE_FAILED, "the agent's memory can not be used")
        finally:
            del self._running[task_id]

    @override
    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Say that it is over; the SDK ends the run."""
        task_id = context.task_id or ""
        await TaskUpdater(event_queue, task_id, context.context_id or "").cancel()
        await self._parked.drop(task_id)

    async def _work(self, admitted: Admitted, updater: TaskUpdater) -> None:
        conversation = owner_of(admitted.caller).conversation(updater.context_id)
        talks = await self._talks.of(conversation)
        if admitted.resumed is not None:
            talks = talks_of(admitted.resumed.paused.talks)
            await self._parked.drop(updater.task_id)
            for step in self._noting(admitted.resumed, admitted.caller):
                await self._tell(step, updater)
        async with self._remembered(conversation) as session:
            question = Question(text=admitted.said.words, session=session, talks=talks, resumed=admitted.resumed)
            async with aclosing(self._asking(question, admitted.caller)) as happenings:
                async for happening in happenings:
                    await self._last(happening, conversation, talks)
                    await self._tell(happening, updater)

    async def _last(self, happening: Happening, conversation: str, talks: Talks) -> None:
        """Before the end is told, what the next message needs is kept."""
        if isinstance(happening, Paused) or happening.kind in {"final", "error"}:
            await self._talks.keep(conversation, talks)

    async def _tell(self, happening: Happening, updater: TaskUpdater) -> None:
        if isinstance(happening, Paused):
            return await self._wait(happening, updater)
        metadata = {STEP: {"event": happening.kind, **happening.data}}
        if happening.kind == "final":
            answer = text_part(str(happening.data["output"]))
            await updater.add_artifact([answer], artifact_id="answer", name="answer", last_chunk=True)
            return await updater.update_status(TaskState.TASK_STATE_COMPLETED, metadata=metadata)
        if happening.kind == "error":
            why = updater.new_agent_message([text_part(str(happening.data["message"]))])
            return await updater.update_status(TaskState.TASK_STATE_FAILED, why, metadata=metadata)
        waits = happening.kind == _CONSENT
        state = TaskState.TASK_STATE_AUTH_REQUIRED if waits else TaskState.TASK_STATE_WORKING
        said = updater.new_agent_message([text_part(_asks(happening))]) if waits else None
        return await updater.update_status(state, said, metadata=metadata)

    async def _wait(self, paused: Paused, updater: TaskUpdater) -> None:
        try:
            await self._parked.put(updater.task_id, paused)
        except TooLarge as error:
            return await _say(updater, TaskState.TASK_STATE_FAILED, str(error))
        return await updater.requires_input(updater.new_agent_message(list(asks(paused))))


def _begun(context: RequestContext) -> Task:
    history = [context.message] if context.message is not None else []
    task = Task(id=context.task_id, context_id=context.context_id, history=history)
    task.status.CopyFrom(TaskStatus(state=TaskState.TASK_STATE_SUBMITTED))
    task.status.timestamp.GetCurrentTime()
    return task


async def _say(updater: TaskUpdater, state: TaskState, words: str) -> None:
    await updater.update_status(state, updater.new_agent_message([text_part(words)]))


def _asks(event: Event) -> str:
    """Where a person can give consent, in words."""
    return f"A person must consent at {event.data.get('at_url', '')}: {event.data.get('binding_message', '')}"
