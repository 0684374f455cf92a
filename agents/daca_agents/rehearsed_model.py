"""Stands in for a language model when there is none, and says so. Every token, tool call and refusal stays real.

What it does with the words is in `rehearsal.py`; this file speaks the agent loop's language.
"""

import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from agents import Model, ModelResponse, ModelSettings, Tool, Usage
from agents.items import TResponseInputItem, TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
)
from typing_extensions import override

from daca_agents.rehearsal import Heard, Wish, answer, follow_up, plan

NAME = "rehearsed"


class RehearsedModel(Model):
    """Deterministic but for its call ids: the same words and the same tool output give the same answer."""

    @override
    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        *args: Any,
        **kwargs: Any,
    ) -> ModelResponse:
        """One turn of the loop: tool calls, or the last words."""
        output = turn(input, [tool.name for tool in tools])
        return ModelResponse(output=output, usage=Usage(), response_id=None)

    @override
    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        *args: Any,
        **kwargs: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """The same turn, its words one by one."""
        output = turn(input, [tool.name for tool in tools])
        number = 0
        for item in output:
            for word in _words(item):
                yield ResponseTextDeltaEvent(
                    type="response.output_text.delta",
                    item_id=item.id or "",
                    content_index=0,
                    output_index=0,
                    delta=word,
                    logprobs=[],
                    sequence_number=number,
                )
                number += 1
        yield ResponseCompletedEvent(type="response.completed", response=_response(output), sequence_number=number)


def turn(given: str | Sequence[TResponseInputItem], offered: Sequence[str]) -> list[ResponseOutputItem]:
    """What to do next, from the question and what the tools have said since."""
    question, heard = _read(given)
    wishes = plan(question, offered)
    if not heard:
        able = [wish for wish in wishes if wish.tool in offered]
        if able:
            return [_call(wish) for wish in able]
    elif more := follow_up(question, heard, offered):
        return [_call(more)]
    return [_message(answer(wishes, heard, offered))]


def _read(given: str | Sequence[TResponseInputItem]) -> tuple[str, list[Heard]]:
    """The last question, and each tool's answer after it."""
    question, heard, names = "", list[Heard](), dict[str, str]()
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        entry = cast("Mapping[str, Any]", item)
        if entry.get("role") == "user":
            question, heard = text_of(entry["content"]), []
        elif entry.get("type") == "function_call":
            names[entry["call_id"]] = entry["name"]
        elif entry.get("type") == "function_call_output":
            heard.append(Heard(tool=names.get(entry["call_id"], "a tool"), output=text_of(entry["output"])))
    return question, heard


def text_of(content: object) -> str:
    """The words of a message or of a tool's answer, whichever of the loop's forms they come in."""
    if isinstance(content, str):
        return content
    parts = cast("Sequence[Mapping[str, Any]]", content if isinstance(content, list) else [content])
    return "\n".join(str(part.get("text", "")) for part in parts)


def _call(wish: Wish) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        type="function_call",
        id=f"fc_{uuid.uuid4().hex}",
        call_id=f"call_{uuid.uuid4().hex}",
        name=wish.tool,
        arguments=json.dumps(wish.arguments),
    )


def _message(text: str) -> ResponseOutputMessage:
    return ResponseOutputMessage(
        id=f"msg_{uuid.uuid4().hex}",
        type="message",
        role="assistant",
        status="completed",
        content=[ResponseOutputText(type="output_text", text=text, annotations=[])],
    )


def _words(item: ResponseOutputItem) -> list[str]:
    """A message's text in pieces that add up to it again; nothing of a tool call."""
    if not isinstance(item, ResponseOutputMessage):
        return []
    text = "".join(part.text for part in item.content if isinstance(part, ResponseOutputText))
    words = text.split(" ")
    return [word if at == 0 else f" {word}" for at, word in enumerate(words)]


def _response(output: list[ResponseOutputItem]) -> Response:
    return Response(
        id=f"resp_{uuid.uuid4().hex}",
        created_at=time.time(),
        model=NAME,
        object="response",
        output=output,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=True,
    )
