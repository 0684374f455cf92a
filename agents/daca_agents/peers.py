"""Another agent as a tool, over A2A: `ask_<name>(request)`, reached with a token for it alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from a2a.helpers import new_data_part, new_message, new_text_part
from a2a.types import Message, Role, TaskState
from a2a.utils.errors import A2AError
from agents import FunctionTool, RunContextWrapper
from agents.tool_context import ToolContext
from google.protobuf.json_format import ParseError

from daca_agents.cards import Acquaintance
from daca_agents.conversation import client_of, converse, deeper
from daca_agents.happenings import happened
from daca_agents.refusals import ToolServerProblem, ToolServerRefused, problem_of
from daca_agents.reply import Reply
from daca_agents.shape import PeerEntry
from oauth_client import OAuthClientError

_SHOWN = 500
_MOST_REQUEST = 8000
_SCHEMA = {
    "type": "object",
    "properties": {"request": {"type": "string", "description": "Everything it must know, in words."}},
    "required": ["request"],
    "additionalProperties": False,
}

Failed = Callable[[RunContextWrapper[Any], ToolServerProblem], None]


@dataclass(frozen=True, kw_only=True)
class PeerTask:
    """A peer's task that waits for a person: which, and what is to be decided. JSON can hold it."""

    peer: str
    task: str
    context: str
    approvals: tuple[Mapping[str, Any], ...]
    """`call`, `tool`, `server`, `arguments`, and `at`: where, beginning with this agent."""


@dataclass(kw_only=True)
class Talks:
    """What one conversation has with peers: data that whoever keeps the conversation keeps with it, `refused` aside.

    `contexts`: the peer's contextId by its name, so that the talk with it goes on. `tasks`: its task that asked
    something back. `waiting`: by call id, tasks that wait for a person. `heard`: by call id, answers that the model
    has not been given yet.
    """

    contexts: dict[str, str] = field(default_factory=dict[str, str])
    tasks: dict[str, str] = field(default_factory=dict[str, str])
    waiting: dict[str, PeerTask] = field(default_factory=dict[str, PeerTask])
    heard: dict[str, str] = field(default_factory=dict[str, str])
    refused: dict[str, ToolServerProblem] = field(default_factory=dict[str, ToolServerProblem])


class Peer:
    """One peer, for one caller: `http` carries the token. `failed` hears of every call that came to nothing.

    The peer is asked when the loop wonders whether the call needs a person's yes (`needs_approval`): by then it is
    known. If it does, the run pauses like for a tool of the agent's own, `talks.waiting` says for what, and `decide`
    takes the decision to the peer; when nothing waits for that call any more, approve the call and go on with the run.
    A call that pauses without anything in `talks.waiting` has arguments that are none: reject it.
    """

    def __init__(
        self, entry: PeerEntry, acquaintance: Acquaintance, http: httpx2.AsyncClient, *, own: str, failed: Failed
    ) -> None:
        self.name = entry.name
        self.url = entry.url
        self._entry = entry
        self._acquaintance = acquaintance
        self._http = http
        self._own = own
        self._failed = failed
        self._about = ""

    async def survey(self) -> ToolServerProblem | None:
        """Learn what it is for; the problem, when that is impossible now."""
        try:
            card = await self._acquaintance.card()
        except ToolServerProblem as problem:
            return problem
        skills = "".join(f"\n- {skill.name}: {skill.description}" for skill in card.skills)
        self._about = f"Ask {card.name}, another agent. {card.description}{skills}"[: 4 * _SHOWN]
        return None

    def tool(self, talks: Talks) -> FunctionTool:
        """The tool that asks it, in one conversation."""

        async def ask(_: RunContextWrapper[Any], arguments: dict[str, Any], call: str) -> bool:
            request = arguments.get("request")
            if call not in talks.waiting and call not in talks.heard and isinstance(request, str):
                await self._ask(talks, call, request[:_MOST_REQUEST])
            return call in talks.waiting

        async def hear(context: ToolContext[Any], _: str) -> str:
            call = context.tool_call_id
            if problem := talks.refused.pop(call, None):
                self._failed(context, problem)
            return talks.heard.pop(call, f"{self.name} was not asked: `request` must be words")

        return FunctionTool(
            name=self._entry.tool,
            description=self._about or f"Ask {self.name}, another agent.",
            params_json_schema=_SCHEMA,
            on_invoke_tool=hear,
            needs_approval=ask,
        )

    async def decide(self, talks: Talks, call: str, decisions: Mapping[str, str]) -> None:
        """Take a person's decisions, by the peer's own call ids, to its waiting task; `talks` has what comes of it."""
        waits = talks.waiting.pop(call)
        part = new_data_part({"decisions": dict(decisions)})
        message = new_message([part], context_id=waits.context, task_id=waits.task, role=Role.ROLE_USER)
        await self._say(talks, call, message)

    async def _ask(self, talks: Talks, call: str, request: str) -> None:
        happened("peer_asked", peer=self.name, url=self.url, request=request[:_SHOWN])
        context, task = talks.contexts.get(self.name), talks.tasks.pop(self.name, None)
        message = new_message([new_text_part(request)], context_id=context, task_id=task, role=Role.ROLE_USER)
        await self._say(talks, call, message)

    async def _say(self, talks: Talks, call: str, message: Message) -> None:
        try:
            reply = await self._reply(message)
            self._settle(talks, call, reply)
            happened("peer_answered", peer=self.name, state=reply.waits)
        except ToolServerProblem as problem:
            happened("peer_answered", peer=self.name, state="refused")
            talks.refused[call] = problem
            talks.heard[call] = f"The agent {problem.server} could not be used: {problem.why}"

    async def _reply(self, message: Message) -> Reply:
        card = await self._acquaintance.card()
        try:
            client = client_of(card, self._http)
            return await converse(client, message, (self._own, self.name))
        except (A2AError, OAuthClientError, ParseError, ValueError) as error:
            self._acquaintance.forget()
            strange = ToolServerRefused(self.name, f"{self.url} does not speak A2A as it should: {error}")
            raise problem_of(self.name, self.url, error) or strange from None

    def _settle(self, talks: Talks, call: str, reply: Reply) -> None:
        talks.contexts[self.name] = reply.context
        if reply.state == TaskState.TASK_STATE_INPUT_REQUIRED:
            if approvals := tuple(self._placed(one) for one in reply.approvals):
                talks.waiting[call] = PeerTask(
                    peer=self.name, task=reply.task, context=reply.context, approvals=approvals
                )
                return
            talks.tasks[self.name] = reply.task
        elif reply.state != TaskState.TASK_STATE_COMPLETED:
            raise ToolServerRefused(self.name, reply.text or f"its task is {reply.waits}")
        talks.heard[call] = reply.text

    def _placed(self, approval: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**approval, "at": [self._own, self.name, *deeper(approval.get("at"))]}
