"""Which messages are let through to the agent, and what goes with them: who asks, what was said, what is resumed."""

from dataclasses import dataclass
from typing import Final, cast

from a2a.auth.user import User
from a2a.server.agent_execution import RequestContext, RequestContextBuilder
from a2a.server.context import ServerCallContext
from a2a.server.routes import ServerCallContextBuilder
from a2a.types.a2a_pb2 import SendMessageRequest, Task, TaskState
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError, UnsupportedOperationError
from starlette.requests import Request
from typing_extensions import override

from daca_agents.a2a_message import Said, decided, read
from daca_agents.approvals import Resumed
from daca_agents.owner import owner_of
from daca_agents.parked import Parked
from daca_agents.task_rules import TERMINAL
from daca_agents.tasks import StateTaskStore
from resource_server import Caller, current_caller

_CALLER: Final = "daca.caller"
_ADMITTED: Final = "daca.admitted"


@dataclass(kw_only=True)
class Admitted:
    """A message that was let through. `begun`: the executor has it."""

    caller: Caller
    said: Said
    resumed: Resumed | None = None
    begun: bool = False


class _Owner(User):
    """The verified caller, to the SDK."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    @override
    def is_authenticated(self) -> bool:
        return True

    @property
    @override
    def user_name(self) -> str:
        return self._name


def context_of(caller: Caller) -> ServerCallContext:
    """What the SDK is told of a verified caller."""
    return ServerCallContext(user=_Owner(owner_of(caller).name), state={_CALLER: caller})


def caller_in(context: ServerCallContext) -> Caller:
    """Who is behind that."""
    return cast("Caller", context.state[_CALLER])


def admitted_in(context: ServerCallContext) -> Admitted | None:
    """What was let through in this call, if a message was."""
    return cast("Admitted | None", context.state.get(_ADMITTED))


class CallerContext(ServerCallContextBuilder):
    """The SDK's call context for a request that came through the door."""

    @override
    def build(self, request: Request) -> ServerCallContext:
        """The caller, and the headers for the SDK's check of the protocol's version: no token is among them."""
        context = context_of(current_caller())
        context.state["headers"] = dict(request.headers)
        return context


class Admission(RequestContextBuilder):
    """The last gate before a task begins or goes on: here a decision is spent, by one replica of all."""

    def __init__(self, store: StateTaskStore, parked: Parked) -> None:
        self._store = store
        self._parked = parked

    @override
    async def build(
        self,
        context: ServerCallContext,
        params: SendMessageRequest | None = None,
        task_id: str | None = None,
        context_id: str | None = None,
        task: Task | None = None,
    ) -> RequestContext:
        """Accept a message. Raises A2AError."""
        if params is None:
            raise InvalidParamsError("a message is wanted")
        admitted = Admitted(caller=caller_in(context), said=read(params.message))
        if task_id:
            admitted.resumed = await self._resumed(task_id, admitted.said, context)
        elif admitted.said.decisions is not None:
            raise InvalidParamsError("a decision names the task that waits for it")
        context.state[_ADMITTED] = admitted
        return RequestContext(call_context=context, request=params, task_id=task_id, context_id=context_id, task=task)

    async def _resumed(self, task_id: str, said: Said, context: ServerCallContext) -> Resumed:
        stored = await self._store.get(task_id, context)
        if stored is None:
            raise TaskNotFoundError
        state = stored.task.status.state
        if state in TERMINAL:
            raise UnsupportedOperationError("the task has ended: ask again in the same context, without a taskId")
        if state != TaskState.TASK_STATE_INPUT_REQUIRED:
            raise UnsupportedOperationError("the task is being worked on, and waits for nothing")
        paused = await self._parked.get(task_id)
        resumed = Resumed(paused=paused, decisions=decided(said, paused.calls))
        if not await self._store.claim(task_id, context):
            raise UnsupportedOperationError("the decision was made already")
        return resumed
