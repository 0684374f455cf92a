"""What a conversation has with peers, as data: kept with the conversation, and with a run that waits."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, cast

from daca_agents.peers import PeerTask, Talks
from sidecar.state import Json, State

LIFE: Final = 7 * 24 * 3600
"""Seconds, as the conversation itself."""


def told_of(talks: Talks) -> dict[str, Any]:
    """As it is written: all but the problems, which are told while they happen."""
    waiting = {call: asdict(task) for call, task in talks.waiting.items()}
    return {
        "contexts": dict(talks.contexts),
        "tasks": dict(talks.tasks),
        "waiting": waiting,
        "heard": dict(talks.heard),
    }


def talks_of(told: Mapping[str, Any]) -> Talks:
    """What was written."""
    waiting = {call: _task(task) for call, task in told["waiting"].items()}
    return Talks(contexts=dict(told["contexts"]), tasks=dict(told["tasks"]), waiting=waiting, heard=dict(told["heard"]))


def _task(told: Mapping[str, Any]) -> PeerTask:
    return PeerTask(peer=told["peer"], task=told["task"], context=told["context"], approvals=tuple(told["approvals"]))


class TalkBook:
    """The contexts that a conversation has at peers, so that the talk with them goes on, at any replica."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def of(self, conversation: str) -> Talks:
        """What was kept of it; nothing waits in it."""
        entry = await self._state.get(_key(conversation))
        return Talks() if entry is None else talks_of(cast("Mapping[str, Any]", entry.value))

    async def keep(self, conversation: str, talks: Talks) -> None:
        """Keep where the talks are, if there are any."""
        if talks.contexts:
            lasting = Talks(contexts=talks.contexts, tasks=talks.tasks)
            await self._state.put(_key(conversation), cast("Json", told_of(lasting)), ttl=LIFE)


def _key(conversation: str) -> str:
    return f"talks-{conversation}"
