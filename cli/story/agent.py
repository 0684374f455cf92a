"""The first agent, asked a question: it fetches its own tokens and calls the tools itself."""

import json
from typing import Any, cast

import httpx2

from cli.credentials import credentials_of
from cli.story.stage import Stage
from cli.story.teller import Teller
from oauth_client import TokenAuth, Tokens

_QUESTION = "What notes are there, and what time is it in Berlin?"
_LONGEST = 600


async def ask_researcher(stage: Stage, teller: Teller) -> None:
    """Step 5 again, by an agent: itself a protected resource, and a client of both MCP servers."""
    url = stage.url("researcher")
    teller.step("5", "The researcher agent does the same by itself, when asked by somebody who may")
    teller.say(f"POST {url}/ask  {_QUESTION}")
    proven = credentials_of("operator", stage.settings)
    auth = TokenAuth(
        Tokens(credentials=proven.credentials, http=stage.http, issuer=stage.issuer),
        resource=url,
        scopes=("agent:ask",),
    )
    answer = await stage.http.post(
        f"{url}/ask", json={"input": _QUESTION}, headers={"Accept": "application/json"}, auth=auth, timeout=60
    )
    said = _text(answer)
    teller.see("researcher", said[:_LONGEST])
    teller.expect("the agent answers", holds=answer.is_success and bool(said), instead=f"{answer.status_code} {said}")


def _text(answer: httpx2.Response) -> str:
    """What it said: the member of its answer that is meant for people."""
    try:
        document = cast("dict[str, Any]", json.loads(answer.text))
    except ValueError:
        return answer.text.strip()
    spoken = next((document[name] for name in ("output", "answer", "text") if document.get(name)), document)
    return spoken if isinstance(spoken, str) else json.dumps(spoken, ensure_ascii=False)
