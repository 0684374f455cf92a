"""Runs that wait for a person: what is kept of one, and how a decision is given to it.

A call of this agent's own is named by its id; one of a peer's by the id of the call that asked the peer, a slash, and
the name that the peer has for it: several peers, and peers of peers, may wait at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, cast

from agents import Agent, RunState
from agents.items import ToolApprovalItem
from agents.result import RunResultStreaming

from daca_agents.errand import SHOWN, Errand
from daca_agents.peers import Peer, Talks
from daca_agents.talks import talks_of, told_of
from sidecar.state import Json

Decision = Literal["approve", "reject"]
DECISIONS = ("approve", "reject")
_DECLINED = "A person was asked, and said no to this call. Do not try it again."


@dataclass(frozen=True, kw_only=True)
class Paused:
    """A run that waits, as data: `run` is the loop's own account of it, for this app's eyes only."""

    run: str
    tools: Mapping[str, str]
    own: Sequence[Mapping[str, Any]]
    """Calls of this agent's that wait: `call`, `tool`, `server`, `arguments`, `at`."""
    talks: Mapping[str, Any]
    """What the conversation has with peers, those that wait included."""
    decided: Mapping[str, Decision] = field(default_factory=dict[str, Decision])
    """What was decided of its own calls while a peer had more to ask."""

    @property
    def open(self) -> Sequence[Mapping[str, Any]]:
        """Calls of its own that are still to be decided."""
        return [one for one in self.own if one["call"] not in self.decided]

    @property
    def approvals(self) -> Sequence[Mapping[str, Any]]:
        """All that is to be decided, here and at peers."""
        return [*self.open, *_at_peers(talks_of(self.talks))]

    @property
    def calls(self) -> Sequence[str]:
        """The names of the calls that wait."""
        return [str(one["call"]) for one in self.approvals]

    def record(self) -> dict[str, Json]:
        """As it is written."""
        return cast("dict[str, Json]", asdict(self))


def paused_of(record: Json) -> Paused:
    """What was written."""
    return Paused(**cast("dict[str, Any]", record))


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """A paused run and what a person has decided of each of its calls."""

    paused: Paused
    decisions: Mapping[str, Decision]


def pause(run: RunResultStreaming, errand: Errand, talks: Talks, at: str) -> Paused:
    """What to keep of a run that stopped for a person."""
    own = [_told(item, at) for item in run.interruptions if item.call_id not in talks.waiting]
    # What the errand has met goes into the record itself; the loop's account holds nothing of ours.
    text = run.to_state().to_string(context_serializer=lambda _: {})
    return Paused(run=text, tools=errand.tools, own=own, talks=told_of(talks))


def again(resumed: Resumed, talks: Talks) -> Paused:
    """The same run, which waits on: a peer has more to be decided. What was decided here is kept until then."""
    return replace(resumed.paused, talks=told_of(talks), decided=_of_own(resumed))


def _of_own(resumed: Resumed) -> Mapping[str, Decision]:
    calls = {str(one["call"]) for one in resumed.paused.own}
    return {**resumed.paused.decided, **{call: one for call, one in resumed.decisions.items() if call in calls}}


def _told(item: ToolApprovalItem, at: str) -> Mapping[str, Any]:
    server = item.tool_origin.mcp_server_name if item.tool_origin else None
    said = {"call": item.call_id or "", "tool": item.name or "", "server": server or ""}
    return said | {"arguments": (item.arguments or "")[:SHOWN], "at": [at]}


def _at_peers(talks: Talks) -> list[Mapping[str, Any]]:
    waiting = talks.waiting.items()
    return [{**one, "call": f"{call}/{one['call']}"} for call, task in waiting for one in task.approvals]


async def forward(resumed: Resumed, peers: Sequence[Peer], talks: Talks) -> None:
    """Take what was decided about peers' calls to them; `talks` has what comes of it. No model sees it."""
    by_name = {peer.name: peer for peer in peers}
    for call, task in list(talks.waiting.items()):
        names = [str(one["call"]) for one in task.approvals]
        await by_name[task.peer].decide(talks, call, {name: resumed.decisions[f"{call}/{name}"] for name in names})


async def settle(agent: Agent[Errand], errand: Errand, resumed: Resumed) -> RunState[Errand, Agent[Any]]:
    """The run as it was, with each decision given to its call; a call that asked a peer has the peer's answer by now.

    Raises AgentsException when the agent has changed so much that it can not go on.
    """
    state = await RunState.from_string(agent, resumed.paused.run, context_deserializer=lambda _: errand)
    own, decisions = {str(one["call"]) for one in resumed.paused.own}, _of_own(resumed)
    for item in state.get_interruptions():
        call = item.call_id or ""
        if call not in own or decisions.get(call) == "approve":
            state.approve(item)
        else:
            state.reject(item, rejection_message=_DECLINED)
    return state
