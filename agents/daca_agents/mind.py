"""Which model thinks: any OpenAI-compatible endpoint, or the rehearsed one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

from agents import Model, ModelResponse, OpenAIChatCompletionsModel
from agents.items import TResponseInputItem, TResponseStreamEvent
from openai import AsyncOpenAI
from typing_extensions import override

from daca_agents import rehearsed_model
from daca_agents.profile import Profile
from daca_agents.rehearsed_model import text_of
from daca_agents.settings import Settings

_DEFAULT = "gpt-5-mini"


@dataclass(frozen=True, kw_only=True)
class Mind:
    """A model and its name."""

    model: Model
    name: str
    rehearsed: bool


class ChatModel(OpenAIChatCompletionsModel):
    """Sends what tools said as plain strings: many compatible endpoints take no lists of parts there."""

    @override
    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        *args: Any,
        **kwargs: Any,
    ) -> ModelResponse:
        """One turn."""
        return await super().get_response(system_instructions, plain(input), *args, **kwargs)

    @override
    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        *args: Any,
        **kwargs: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """One turn, as it comes."""
        async for event in super().stream_response(system_instructions, plain(input), *args, **kwargs):
            yield event


def plain(given: str | list[TResponseInputItem]) -> str | list[TResponseInputItem]:
    """The same turn with every tool's answer that is only text as one string."""
    return given if isinstance(given, str) else [_plain(item) for item in given]


def _plain(item: TResponseInputItem) -> TResponseInputItem:
    entry = cast("dict[str, Any]", item)
    output: Any = entry.get("output")
    if entry.get("type") != "function_call_output" or not isinstance(output, list):
        return item
    parts = cast("list[dict[str, Any]]", output)
    if any(part.get("type") != "input_text" for part in parts):
        return item
    return cast("TResponseInputItem", entry | {"output": text_of(parts)})


def choose(settings: Settings, profile: Profile) -> Mind:
    """The endpoint that the environment names, by chat completions; else the rehearsed model."""
    key, url = settings.openai_api_key, settings.openai_base_url
    if not (key and key.get_secret_value()) and not url:
        return Mind(model=rehearsed_model.RehearsedModel(), name=rehearsed_model.NAME, rehearsed=True)
    name = settings.model or profile.model or _DEFAULT
    # A local endpoint often wants no key; the client insists on one.
    client = AsyncOpenAI(api_key=key.get_secret_value() if key else "none", base_url=url, max_retries=1, timeout=60)
    return Mind(model=ChatModel(model=name, openai_client=client), name=name, rehearsed=False)
