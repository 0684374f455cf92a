"""Three agents of ours, one after another, for one caller: our own issuer, doors, tools and identity.yaml."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp

from daca_agents.app import create_app
from daca_agents.profile import load_profile
from daca_agents.settings import Settings
from oauth_client import ClientSecret, Tokens
from sidecar.embedded import SqliteState
from tests.agents.conftest import NOTES, PROFILE, RESEARCHER, World, lifespan
from tests.agents.test_with_our_issuer import our_issuer
from tests.mcp_server.issuer import ISSUER

CONCIERGE = "http://localhost:8010"
SCRIBE = "http://localhost:8012"
URLS = {"concierge": CONCIERGE, "researcher": RESEARCHER, "scribe": SCRIBE}
FIND_OUT = "Find out what time it is in Tokyo and have it written down as note 'Tokyo'"
BOTH = ("agent:ask", "agent:save")


class House:
    """Everybody, and every token that was shown to anybody, by the origin that it was shown to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shown: dict[str, set[str]] = {}
        self._http = httpx2.AsyncClient(transport=world.wire)
        proof = ClientSecret("operator", "s3cret-of-the-operator")
        self.tokens = Tokens(credentials=proof, http=self._http, issuer=ISSUER)

    async def open(self, stack: AsyncExitStack) -> None:
        """Start the three agents."""
        for name, url in URLS.items():
            self.world.secrets.put(f"client-{name}", {"secret": f"s3cret-of-the-{name}-itself"})
            folder = self.world.folder / name
            folder.mkdir()
            state = await stack.enter_async_context(SqliteState(folder / "state.db", name))
            door = create_app(
                Settings(data=folder), self.world.sidecar_with(state), load_profile(PROFILE.with_name(f"{name}.yaml"))
            )
            await stack.enter_async_context(lifespan(door))
            self.world.wire.apps[url] = door
        for origin, app in list(self.world.wire.apps.items()):
            if origin != ISSUER:
                self.world.wire.apps[origin] = self._watched(origin, app)

    def _watched(self, origin: str, app: ASGIApp) -> ASGIApp:
        async def watching(scope: Any, receive: Any, send: Any) -> None:
            for name, value in scope.get("headers", ()):
                if name == b"authorization":
                    self.shown.setdefault(origin, set()).add(value.decode().removeprefix("Bearer "))
            await app(scope, receive, send)

        return watching

    async def ask(self, text: str, *scopes: str, at: str = CONCIERGE) -> dict[str, Any]:
        """What the operator is answered."""
        token = await self.tokens.fetch(at, scopes)
        headers = {"authorization": f"Bearer {token.access_token}"}
        answer = await self._http.post(f"{at}/ask", json={"input": text}, headers=headers, timeout=60)
        return {"status": answer.status_code, "caller": token.access_token, **answer.json()}

    async def note(self, name: str) -> dict[str, Any]:
        """A note as it is kept."""
        token = await self.tokens.fetch(f"{NOTES}/mcp", ("mcp:read",))
        params = {"name": "read_note", "arguments": {"name": name}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = {"authorization": f"Bearer {token.access_token}", "accept": "application/json"}
        answer = await self._http.post(f"{NOTES}/mcp", json=call, headers=headers)
        return answer.json()["result"]["structuredContent"]


@pytest.fixture
async def house(world: World, tmp_path: Path) -> AsyncGenerator[House]:
    issuing = tmp_path / "issuing"
    issuing.mkdir()
    async with our_issuer(world, issuing), AsyncExitStack() as stack:
        await world.restart("notes", "clock")
        made = House(world)
        await made.open(stack)
        yield made


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def steps(answer: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [step for step in answer["steps"] if step["event"] == kind]


def actors(act: dict[str, Any] | None) -> list[str]:
    return [] if act is None else [act["sub"], *actors(act.get("act"))]


async def test_the_note_records_the_caller_concierge_and_scribe(house: House) -> None:
    answer = await house.ask(FIND_OUT, *BOTH)
    assert answer["status"] == 200, answer
    note = await house.note("Tokyo")
    assert "Asia/Tokyo" in note["text"]
    assert note["created_by"] == {
        "subject": "client:operator",
        "client_id": "scribe",
        "actors": ["client:scribe", "client:concierge"],
    }


async def test_every_hop_has_a_token_of_its_own_that_can_do_no_more_than_the_one_before(house: House) -> None:
    answer = await house.ask(FIND_OUT, *BOTH)
    seen = {origin: [claims(token) for token in tokens] for origin, tokens in house.shown.items()}
    reached = {
        origin: sorted((one["aud"], one["scope"], *actors(one.get("act"))) for one in found)
        for origin, found in seen.items()
    }
    assert reached == {
        CONCIERGE: [(CONCIERGE, "agent:ask agent:save")],
        RESEARCHER: [(RESEARCHER, "agent:ask", "client:concierge")],
        SCRIBE: [(SCRIBE, "agent:ask", "client:concierge")],
        "http://localhost:8001": [
            ("http://localhost:8001/mcp", "mcp:read", "client:researcher", "client:concierge"),
        ],
        NOTES: [
            (f"{NOTES}/mcp", "mcp:read", "client:researcher", "client:concierge"),
            (f"{NOTES}/mcp", "mcp:read mcp:write", "client:scribe", "client:concierge"),
        ],
    }
    ends = claims(answer["caller"])["exp"]
    assert all(one["exp"] <= ends and one["sub"] == "client:operator" for found in seen.values() for one in found)


@pytest.mark.requirement("RS-25")
async def test_no_token_is_ever_shown_to_two(house: House) -> None:
    await house.ask(FIND_OUT, *BOTH)
    everywhere = [token for tokens in house.shown.values() for token in tokens]
    assert len(everywhere) == len(set(everywhere)) == 6


async def test_what_happens_at_each_agent_is_told_with_where(house: House) -> None:
    answer = await house.ask(FIND_OUT, *BOTH)
    places = {tuple(step["at"]) for step in answer["steps"]}
    assert places == {("concierge",), ("concierge", "researcher"), ("concierge", "scribe")}
    tools = [(step["at"][-1], step["tool"]) for step in steps(answer, "tool_called")]
    assert tools == [
        *(("concierge", "ask_researcher"), ("researcher", "get_time")),
        *(("concierge", "ask_scribe"), ("scribe", "write_note")),
    ]
    assert "eyJ" not in json.dumps({name: value for name, value in answer.items() if name != "caller"})


async def test_a_caller_that_may_only_ask_has_nothing_written_and_is_told_why(house: House) -> None:
    answer = await house.ask("Ask the scribe to write a note 'Mine': hello", "agent:ask")
    (refused,) = steps(answer, "tool_refused")
    assert (refused["tool"], refused["server"]) == ("ask_scribe", "scribe")
    assert "invalid_target" in refused["why"]
    assert SCRIBE not in house.shown
    assert NOTES not in house.shown


async def test_the_researcher_writes_for_nobody(house: House) -> None:
    answer = await house.ask("write a note 'Mine': hello", "agent:ask", at=RESEARCHER)
    assert "I may not use write_note" in answer["output"]


async def test_what_no_scope_of_the_callers_leads_to_is_not_done(house: House) -> None:
    await house.ask("Ask the scribe to write a note 'Mine': hello", *BOTH)
    answer = await house.ask("Ask the scribe to delete the note 'Mine'", *BOTH)
    assert "delete_note" in answer["output"]
    assert (await house.note("Mine"))["text"] == "hello"
