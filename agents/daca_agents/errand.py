"""What one question meets on its way, and how it is told: from the agent loop's own events to ours."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents import RunContextWrapper
from agents.items import ToolCallItem, ToolCallOutputItem
from agents.stream_events import RawResponsesStreamEvent, RunItemStreamEvent, StreamEvent
from agents.tool_context import ToolContext
from openai.types.responses import ResponseTextDeltaEvent

from daca_agents.refusals import ToolServerProblem
from daca_agents.rehearsed_model import text_of

_LOG = logging.getLogger("daca_agents")
SHOWN = 4000
"""Characters of a tool's arguments and of its output that are told."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened; docs/agents.md lists the kinds.

    `data["at"]` says where, from the outermost agent inwards.
    """

    kind: str
    data: Mapping[str, Any]


@dataclass(kw_only=True)
class Errand:
    """What one question has met: failed calls by their id, and which tool each call was of."""

    failed: dict[str, ToolServerProblem] = field(default_factory=dict[str, ToolServerProblem])
    tools: dict[str, str] = field(default_factory=dict[str, str])


def note_failure(context: RunContextWrapper[Any], problem: ToolServerProblem) -> None:
    """A tool call failed: remember it, so that it is told apart from an answer."""
    _LOG.info("tool refused: server=%s why=%s", problem.server, problem.why)
    if isinstance(context, ToolContext) and isinstance(context.context, Errand):
        context.context.failed[context.tool_call_id] = problem


def told(happened: StreamEvent, errand: Errand) -> Event | None:
    """What is worth telling of an event of the loop."""
    if isinstance(happened, RawResponsesStreamEvent):
        if isinstance(happened.data, ResponseTextDeltaEvent):
            return Event(kind="token", data={"text": happened.data.delta})
    elif isinstance(happened, RunItemStreamEvent):
        if isinstance(happened.item, ToolCallItem):
            return _called(happened.item, errand)
        if isinstance(happened.item, ToolCallOutputItem):
            return _answered(happened.item, errand)
    return None


def _called(item: ToolCallItem, errand: Errand) -> Event:
    call: Any = item.raw_item
    errand.tools[call.call_id] = call.name
    return Event(
        kind="tool_called", data={"call": call.call_id, "tool": call.name, "arguments": call.arguments[:SHOWN]}
    )


def _answered(item: ToolCallOutputItem, errand: Errand) -> Event:
    call = item.call_id or ""
    data = {"call": call, "tool": errand.tools.get(call, "")}
    if problem := errand.failed.get(call):
        return Event(kind="tool_refused", data=data | {"server": problem.server, "why": problem.why})
    failed = bool((item.custom_data or {}).get("error"))
    return Event(kind="tool_result", data=data | {"output": text_of(item.output)[:SHOWN], "error": failed})
