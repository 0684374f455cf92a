"""Where one agent's tasks are, and what this replica of it works on."""

from dataclasses import dataclass

from daca_agents.holding import LEASE_SECONDS, Holder
from daca_agents.parked import Parked
from daca_agents.talks import TalkBook
from daca_agents.tasks import StateTaskStore
from sidecar.state import State


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """Everything about tasks that is kept."""

    state: State
    holder: Holder
    store: StateTaskStore
    parked: Parked
    talks: TalkBook


def tasks_in(state: State, *, lease: int = LEASE_SECONDS) -> Tasks:
    """The tasks of an agent, in its state."""
    holder = Holder(state, lease=lease)
    store = StateTaskStore(state, holder)
    return Tasks(state=state, holder=holder, store=store, parked=Parked(state), talks=TalkBook(state))
