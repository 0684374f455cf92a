"""Work of an agent's own: nobody asked for it, so it goes on with the agent's own tokens, and with no others."""

from collections.abc import Mapping
from typing import Any

from daca_agents.app import check_secret, toolbox_of
from daca_agents.asking import Question, ask
from daca_agents.errand import Event
from daca_agents.mind import choose
from daca_agents.profile import Profile
from daca_agents.settings import Settings
from sidecar.connect import Sidecar

_FAILURES = frozenset({"error", "server_away", "tool_refused"})


async def run_errand(settings: Settings, sidecar: Sidecar, profile: Profile, text: str) -> tuple[str, list[str]]:
    """The answer, and everything that failed on the way: what was refused, away, or had no answer at all."""
    if settings.workload_token_file is None:
        await check_secret(sidecar.secrets, profile.client_id)
    toolbox, answer, failed = toolbox_of(settings, sidecar, profile), "", list[str]()
    try:
        async for event in ask(profile, choose(settings, profile), toolbox.of(None), Question(text=text)):
            if not isinstance(event, Event):
                failed.append("a person must decide, and nobody is here")
            elif event.kind == "final":
                answer = str(event.data["output"])
            elif event.kind in _FAILURES:
                failed.append(_said(event.kind, event.data))
    finally:
        await toolbox.aclose()
    return answer, failed


def _said(kind: str, data: Mapping[str, Any]) -> str:
    words = (kind, data.get("server"), data.get("tool"), data.get("why") or data.get("message"))
    return ": ".join(str(word) for word in words if word)
