"""What of a conversation is given to the model again: every call with its answer right behind it, and no half one."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from agents.items import TResponseInputItem


def joined(before: list[TResponseInputItem], new: list[TResponseInputItem]) -> list[TResponseInputItem]:
    """The history and what is new, as the SDK's `session_input_callback`."""
    return [*whole(before), *new]


def whole(items: Sequence[TResponseInputItem]) -> list[TResponseInputItem]:
    """The same without calls that were never answered, as when the agent was cut off in the middle of one.

    An answer that came later, after a person's decision, is put behind its call: models take nothing between the two.
    """
    answers = {_call(item): item for item in items if _kind(item) == "function_call_output"}
    kept, due = list[TResponseInputItem](), list[TResponseInputItem]()
    for item in items:
        if _kind(item) == "function_call":
            if answer := answers.get(_call(item)):
                kept.append(item)
                due.append(answer)
        elif _kind(item) != "function_call_output":
            kept += [*due, item]
            due = []
    return [*kept, *due]


def _kind(item: TResponseInputItem) -> str:
    return str(cast("Mapping[str, Any]", item).get("type", ""))


def _call(item: TResponseInputItem) -> str:
    return str(cast("Mapping[str, Any]", item).get("call_id", ""))
