"""The SDK's request handler, with what it leaves open closed: other replicas' tasks, lost requests, telling errors."""

import logging
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import TypeVar, cast

from a2a.server.context import ServerCallContext
from a2a.server.events import Event
from a2a.server.request_handlers import DefaultRequestHandlerV2, RequestHandler
from a2a.types.a2a_pb2 import (
    AgentCard,
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    SendMessageRequest,
    SubscribeToTaskRequest,
    Task,
)
from a2a.utils.errors import A2AError, InternalError, TaskNotFoundError, UnsupportedOperationError
from typing_extensions import override

from daca_agents.executor import Executor
from daca_agents.requests import Admission, admitted_in
from daca_agents.task_events import StateEventStream
from daca_agents.task_rules import TERMINAL
from daca_agents.tasks import StateTaskStore

_LOG = logging.getLogger("daca_agents")
_IDLE_SECONDS = 0.5
_T = TypeVar("_T")


class Handler(DefaultRequestHandlerV2):
    """Every method of A2A 1.0 that this agent has. What goes wrong inside is told as that, and as nothing more."""

    def __init__(
        self, executor: Executor, store: StateTaskStore, events: StateEventStream, admission: Admission, card: AgentCard
    ) -> None:
        super().__init__(
            agent_executor=executor,
            task_store=store,
            agent_card=card,
            request_context_builder=admission,
            event_stream=events,
            # A task that waits belongs to no replica: whichever hears the decision goes on with it.
            interrupted_task_timeout=_IDLE_SECONDS,
        )
        self._executor = executor
        self._store = store
        self._events = events

    @override
    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task | None:
        """GetTask."""
        return await _guarded(cast("RequestHandler", super()).on_get_task(params, context))

    @override
    async def on_list_tasks(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        """ListTasks."""
        return await _guarded(cast("RequestHandler", super()).on_list_tasks(params, context))

    @override
    async def on_cancel_task(self, params: CancelTaskRequest, context: ServerCallContext) -> Task | None:
        """CancelTask; another replica's run ends at its next step, or when that replica looks."""
        return await _guarded(cast("RequestHandler", super()).on_cancel_task(params, context))

    @override
    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Message | Task:
        """SendMessage."""
        try:
            return await _guarded(cast("RequestHandler", super()).on_message_send(params, context))
        except A2AError:
            await self._give_up(params, context)
            raise

    @override
    async def on_message_send_stream(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        """SendStreamingMessage."""
        try:
            async with aclosing(
                _all(cast("RequestHandler", super()).on_message_send_stream(params, context))
            ) as events:
                async for event in events:
                    yield event
        except A2AError:
            await self._give_up(params, context)
            raise

    @override
    async def on_subscribe_to_task(
        self, params: SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        """SubscribeToTask: live where the task runs here, else step by step from the state."""
        sdk = cast("RequestHandler", super())
        source = sdk.on_subscribe_to_task if self._executor.runs(params.id) else self._elsewhere
        async with aclosing(_all(source(params, context))) as events:
            async for event in events:
                yield event

    async def _elsewhere(self, params: SubscribeToTaskRequest, context: ServerCallContext) -> AsyncGenerator[Event]:
        stored = await self._store.get(params.id, context)
        if stored is None:
            raise TaskNotFoundError
        if stored.task.status.state in TERMINAL:
            raise UnsupportedOperationError("the task has ended: GetTask has what came of it")
        async for event in self._subscribe_remote(params.id, stored.task, stored.version, self._events):
            yield event

    async def _give_up(self, params: SendMessageRequest, context: ServerCallContext) -> None:
        """A decision that was spent without anybody going on: the task says so, and is not left hanging."""
        admitted = admitted_in(context)
        if admitted is not None and admitted.resumed is not None and not admitted.begun:
            await self._store.fail(params.message.task_id, "the agent could not go on with this")


async def _guarded(work: Awaitable[_T]) -> _T:
    try:
        return await work
    except A2AError:
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, its words stay inside
        raise _hidden(error) from None


async def _all(events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    except A2AError:
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, its words stay inside
        raise _hidden(error) from None


def _hidden(error: Exception) -> InternalError:
    """The kind of failure is for the log; the asker hears that there was one."""
    _LOG.error("a2a: %s", type(error).__name__)
    return InternalError("the agent failed inside")
