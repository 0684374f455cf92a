"""What `daca agent ask` asks: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from cli.errors import Failure

Decision: TypeAlias = Literal["approve", "reject"]
Event: TypeAlias = dict[str, Any]

DONE: Final = "completed"
WAITS: Final = "input-required"


@dataclass(frozen=True, kw_only=True)
class Enquiry:
    """What to say to which agent, as whom: a client, or the person. `name` is what the agent was called."""

    name: str
    url: str
    text: str = ""
    client_id: str | None = None
    sign_in: bool = False
    scopes: Sequence[str] = ()
    context: str = ""
    task: str = ""
    decision: Decision | None = None
    calls: Sequence[str] = ()
    streams: bool = True

    @property
    def as_whom(self) -> str:
        """The option that says so again."""
        return f" --client {self.client_id}" if self.client_id else ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How it stands: the last line of `--json`."""

    state: str = ""
    answer: str = ""
    task: str = ""
    context: str = ""
    approvals: Sequence[Mapping[str, Any]] = ()

    def told(self) -> Event:
        """For a program."""
        said: Event = {"event": "result", "state": self.state, "answer": self.answer}
        return {**said, "task": self.task, "context": self.context, "approvals": [dict(one) for one in self.approvals]}


def decisions(decision: Decision, calls: Sequence[str], pending: Sequence[str]) -> dict[str, Decision]:
    """One decision of each call that waits. What is not named is never approved by that. Raises Failure."""
    if not pending:
        raise Failure("nothing waits for a decision there")
    if strangers := [call for call in calls if call not in pending]:
        raise Failure(f"{strangers[0]} does not wait for a decision: {', '.join(pending)} does")
    if decision == "reject" and calls and set(calls) != set(pending):
        raise Failure(
            f"all of these are decided at once: {', '.join(pending)}. Name those to --approve; the rest is rejected"
        )
    return {call: "approve" if decision == "approve" and (not calls or call in calls) else "reject" for call in pending}
