"""Which model thinks: any OpenAI-compatible endpoint, or the rehearsed one."""

from dataclasses import dataclass

from agents import Model, OpenAIChatCompletionsModel
from openai import AsyncOpenAI

from daca_agents import rehearsed_model
from daca_agents.profile import Profile
from daca_agents.settings import Settings

_DEFAULT = "gpt-5-mini"


@dataclass(frozen=True, kw_only=True)
class Mind:
    """A model and its name."""

    model: Model
    name: str
    rehearsed: bool


def choose(settings: Settings, profile: Profile) -> Mind:
    """The endpoint that the environment names, by chat completions; else the rehearsed model."""
    key, url = settings.openai_api_key, settings.openai_base_url
    if not (key and key.get_secret_value()) and not url:
        return Mind(model=rehearsed_model.RehearsedModel(), name=rehearsed_model.NAME, rehearsed=True)
    name = settings.model or profile.model or _DEFAULT
    # A local endpoint often wants no key; the client insists on one.
    client = AsyncOpenAI(api_key=key.get_secret_value() if key else "none", base_url=url, max_retries=1, timeout=60)
    return Mind(model=OpenAIChatCompletionsModel(model=name, openai_client=client), name=name, rehearsed=False)
