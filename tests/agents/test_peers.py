"""Another agent as a tool, reached over A2A with a token for it alone; here somebody else's agent."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
from a2a.types import AgentInterface
from agents import RunContextWrapper
from agents.tool_context import ToolContext
from google.protobuf.json_format import MessageToDict
from starlette.responses import Response
from starlette.routing import Route, Router

from daca_agents.approvals import Decision, Paused, Resumed, forward
from daca_agents.happenings import heard_by
from daca_agents.peers import Peer, Talks
from daca_agents.profile import Profile
from daca_agents.refusals import ToolServerProblem
from daca_agents.shape import PeerEntry
from daca_agents.talks import told_of
from daca_agents.toolbox import Sources, Toolbox, Tools
from oauth_client import ClientSecret, Exchanges, Tokens
from resource_server import Caller
from sidecar.process import server_config
from tests.agents.porter import APPROVAL, Porter
from tests.mcp_server.issuer import ISSUER, Issuer, Wire

CONCIERGE = "http://localhost:8010"
PORTER = "http://localhost:8020"
BELLBOY = "http://localhost:8021"
SECRET = "s3cret-of-the-concierge"
PROFILE = Profile(
    version=1,
    client_id="concierge",
    name="Concierge",
    description="Asks.",
    instructions="Ask.",
    resource=CONCIERGE,
    port=8010,
    peers=(PeerEntry(name="porter", url=PORTER, scopes=("agent:ask",)),),
)


class Hall:
    """A concierge's toolbox, a porter behind his door, an issuer; and everything that went over the wire."""

    def __init__(self) -> None:
        reach = {url: frozenset({"agent:ask"}) for url in (PORTER, BELLBOY)}
        self.issuer = Issuer({"concierge": (SECRET, frozenset({"agent:ask"}))}, {"concierge": (CONCIERGE, reach)})
        self.wire = Wire()
        self.porter, self.bellboy = Porter(PORTER, self.wire), Porter(BELLBOY, self.wire)
        self.wire.apps = {ISSUER: self.issuer.app(), PORTER: self.porter.app(), BELLBOY: self.bellboy.app()}
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.lifting = asyncio.Event()
        self.failed: list[str] = []
        self.toolbox = self.toolbox_of(PROFILE)

    def toolbox_of(self, profile: Profile) -> Toolbox:
        """What the concierge has by this profile."""
        http = httpx2.AsyncClient(transport=self.wire)
        proof = ClientSecret("concierge", SECRET)
        return Toolbox(
            profile,
            sources=Sources(
                own=Tokens(credentials=proof, http=http, issuer=ISSUER),
                callers=Exchanges(credentials=proof, http=http, issuer=ISSUER),
            ),
            transport=self.wire,
            failed=lambda _, problem: self.failed.append(problem.why),
        )

    def caller(self, subject: str = "ada", **claims: Any) -> Caller:
        """Somebody who asks the concierge."""
        token = self.issuer.token(CONCIERGE, "agent:ask", subject=subject)
        known = {"exp": 4_000_000_000, "jti": "1", **claims}
        return Caller(subject=subject, client_id="desk", scopes=frozenset({"agent:ask"}), claims=known, token=token)

    async def ask(self, request: str, talks: Talks, *, call: str = "call_1", tools: Tools | None = None) -> str | None:
        """What the loop would hear of it; None while it waits for a person."""
        (peer,) = (tools or self.toolbox.of(self.caller())).peers
        assert await peer.survey() is None
        with heard_by(self.hears):
            pauses = await self.pauses(peer, talks, request, call)
            return None if pauses else await self.hear(peer, talks, call)

    async def pauses(self, peer: Peer, talks: Talks, request: str, call: str) -> bool:
        """The loop wonders whether the call needs a person's yes."""
        needs: Any = peer.tool(talks).needs_approval
        return await needs(RunContextWrapper(None), {"request": request}, call)

    async def hear(self, peer: Peer, talks: Talks, call: str) -> str:
        """The loop makes the call."""
        context = ToolContext(None, tool_name="ask_porter", tool_call_id=call, tool_arguments="{}")
        return await peer.tool(talks).on_invoke_tool(context, "{}")

    def hears(self, kind: str, data: dict[str, Any]) -> None:
        """Somebody listens to this errand."""
        self.told.append((kind, data))
        if kind == "tool_called":
            self.lifting.set()

    def kinds(self) -> list[str]:
        """What was told, by kind."""
        return [kind for kind, _ in self.told]


@pytest.fixture
async def hall() -> AsyncGenerator[Hall]:
    made = Hall()
    yield made
    await made.toolbox.aclose()


async def test_a_peer_is_asked_in_the_callers_name_and_its_answer_comes_back(hall: Hall) -> None:
    assert await hall.ask("carry this", Talks()) == "done: carry this"
    assert hall.kinds() == ["peer_asked", "token_obtained", "tool_called", "peer_answered"]
    told = dict(hall.told)
    assert told["token_obtained"] == {
        "resource": PORTER,
        "scope": "agent:ask",
        "how": "exchanged",
        "actors": ["client:concierge"],
    }
    assert told["peer_answered"] == {"peer": "porter", "state": "completed"}
    assert [form["grant_type"].rpartition(":")[2] for form in hall.issuer.asked] == ["token-exchange"]


async def test_what_happens_at_a_peer_is_told_with_the_place_in_front_and_its_own_word_for_itself_left_out(
    hall: Hall,
) -> None:
    await hall.ask("carry this", Talks())
    assert dict(hall.told)["tool_called"] == {
        "at": ["concierge", "porter", "deeper"],
        "call": "1",
        "tool": "lift",
    }


async def test_the_card_says_what_the_tool_is_for(hall: Hall) -> None:
    (peer,) = hall.toolbox.of(hall.caller()).peers
    await peer.survey()
    tool = peer.tool(Talks())
    assert (tool.name, list(tool.params_json_schema["properties"])) == ("ask_porter", ["request"])
    assert tool.description == "Ask Porter, another agent. Carries things.\n- Carry: Anything."


async def test_a_card_is_fetched_once_for_all_callers_and_without_a_token(hall: Hall) -> None:
    for subject in ("ada", "bob", "cy"):
        await hall.ask("carry", Talks(), tools=hall.toolbox.of(hall.caller(subject)))
    assert [url for _, url in hall.wire.seen].count(f"{PORTER}/.well-known/agent-card.json") == 1


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_agent_that_does_not_stream_is_asked_as_well(hall: Hall, *, streaming: bool) -> None:
    hall.wire.apps[PORTER] = hall.porter.app(streaming=streaming)
    assert await hall.ask("carry this", Talks()) == "done: carry this"


async def test_a_talk_with_a_peer_goes_on_in_its_context_and_another_does_not_know_of_it(hall: Hall) -> None:
    talks = Talks()
    await hall.ask("one", talks, call="1")
    await hall.ask("two", talks, call="2")
    await hall.ask("three", Talks(), call="3")
    first, second, third = (context for context, _ in hall.porter.heard)
    assert first == second != third


async def test_a_peer_that_fails_is_told_like_a_server_that_refuses(hall: Hall) -> None:
    heard = await hall.ask("fail", Talks())
    assert heard == "The agent porter could not be used: it was too heavy"
    assert hall.failed == ["it was too heavy"]
    assert hall.told[-1] == ("peer_answered", {"peer": "porter", "state": "refused"})


async def test_a_peer_that_is_away_is_told_like_a_server_that_is_away(hall: Hall) -> None:
    del hall.wire.apps[PORTER]
    (peer,) = hall.toolbox.of(hall.caller()).peers
    problem = await peer.survey()
    assert problem is not None
    assert problem.why == f"{PORTER}/.well-known/agent-card.json can not be reached"


async def test_a_peer_that_goes_away_between_its_card_and_the_question_is_told(hall: Hall) -> None:
    (peer,) = hall.toolbox.of(hall.caller()).peers
    assert await peer.survey() is None
    del hall.wire.apps[PORTER]
    talks = Talks()
    assert await hall.pauses(peer, talks, "carry", "1") is False
    assert await hall.hear(peer, talks, "1") == f"The agent porter could not be used: {PORTER} can not be reached"


async def test_a_peers_question_goes_to_the_model_and_the_answer_to_the_same_task(hall: Hall) -> None:
    talks = Talks()
    assert await hall.ask("ask back", talks, call="1") == "How heavy?"
    assert await hall.ask("ten stone", talks, call="2") == "done: ten stone"
    assert talks.tasks == {}


async def test_a_peers_pending_approval_pauses_and_the_decision_goes_to_its_task_by_code(hall: Hall) -> None:
    talks, tools = Talks(), hall.toolbox.of(hall.caller())
    assert await hall.ask("delete", talks, tools=tools) is None
    waits = talks.waiting["call_1"]
    assert waits.approvals == ({**APPROVAL, "at": ["concierge", "porter"]},)
    await tools.peers[0].decide(talks, "call_1", {"call_there": "approve"})
    assert talks.waiting == {}
    assert await hall.hear(tools.peers[0], talks, "call_1") == "done: [{'call_there': 'approve'}]"
    assert hall.porter.decisions == [{"call_there": "approve"}]


async def test_two_peers_wait_at_once_by_the_same_name_and_each_gets_its_own_decision(hall: Hall) -> None:
    bellboy = PeerEntry(name="bellboy", url=BELLBOY, scopes=("agent:ask",))
    toolbox = hall.toolbox_of(PROFILE.model_copy(update={"peers": (*PROFILE.peers, bellboy)}))
    talks, peers = Talks(), toolbox.of(hall.caller()).peers
    for call, peer in zip(("call_1", "call_2"), peers, strict=True):
        assert await hall.pauses(peer, talks, "delete", call)
    paused = Paused(run="", tools={}, own=[], talks=told_of(talks))
    assert paused.calls == ["call_1/call_there", "call_2/call_there"]
    decisions: dict[str, Decision] = {"call_1/call_there": "reject", "call_2/call_there": "approve"}
    await forward(Resumed(paused=paused, decisions=decisions), peers, talks)
    assert (hall.porter.decisions, hall.bellboy.decisions) == ([{"call_there": "reject"}], [{"call_there": "approve"}])
    assert talks.waiting == {}
    await toolbox.aclose()


async def test_a_peer_may_ask_a_person_twice(hall: Hall) -> None:
    hall.porter.rounds = 2
    talks, tools = Talks(), hall.toolbox.of(hall.caller())
    assert await hall.ask("delete", talks, tools=tools) is None
    await tools.peers[0].decide(talks, "call_1", {"call_there": "approve"})
    assert list(talks.waiting) == ["call_1"]
    await tools.peers[0].decide(talks, "call_1", {"call_there": "reject"})
    assert "reject" in talks.heard["call_1"]


async def test_a_call_that_waits_is_not_asked_anew(hall: Hall) -> None:
    talks, tools = Talks(), hall.toolbox.of(hall.caller())
    await hall.ask("delete", talks, tools=tools)
    await hall.ask("delete", talks, tools=tools)
    assert len(hall.porter.heard) == 1


async def test_arguments_that_are_none_ask_nobody(hall: Hall) -> None:
    (peer,) = hall.toolbox.of(hall.caller()).peers
    needs: Any = peer.tool(Talks()).needs_approval
    assert await needs(RunContextWrapper(None), {"request": 5}, "1") is False
    assert await hall.hear(peer, Talks(), "1") == "porter was not asked: `request` must be words"
    assert hall.porter.heard == []


@asynccontextmanager
async def over_a_socket(hall: Hall) -> AsyncGenerator[None]:
    """The porter where answers really stream: within one process they come as a whole."""
    server = uvicorn.Server(server_config(hall.porter.app(), host="127.0.0.1", port=0))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        port = listening.getsockname()[1]
        async with httpx2.AsyncHTTPTransport() as transport:

            async def pass_on(request: httpx2.Request) -> httpx2.Response:
                if not str(request.url).startswith(PORTER):
                    return await Wire.handle_async_request(hall.wire, request)
                moved = request.url.copy_with(port=port)
                return await transport.handle_async_request(
                    httpx2.Request(request.method, moved, headers=request.headers, stream=request.stream)
                )

            hall.wire.handle_async_request = pass_on
            try:
                yield
            finally:
                server.should_exit = True
                await serving


async def test_what_happens_is_told_while_it_happens_and_whoever_gives_up_ends_the_peers_task_too(hall: Hall) -> None:
    async with over_a_socket(hall), asyncio.timeout(60):
        asking = asyncio.create_task(hall.ask("hang", Talks()))
        await hall.lifting.wait()
        assert not asking.done()
        asking.cancel()
        await hall.porter.cancelled.wait()
    assert asking.cancelled()


async def test_a_peer_that_breaks_off_is_told(hall: Hall) -> None:
    async with over_a_socket(hall), asyncio.timeout(60):
        asking = asyncio.create_task(hall.ask("hang", Talks()))
        await hall.lifting.wait()
        hall.porter.stop.set()
        heard = await asking
    assert heard is not None
    assert "porter could not be used" in heard


@pytest.mark.requirement("RS-25")
async def test_the_callers_token_is_seen_by_the_issuer_alone(hall: Hall) -> None:
    sent: list[str] = []
    plain = hall.wire.apps[PORTER]

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        sent.append(str(scope.get("headers")))
        await plain(scope, receive, send)

    hall.wire.apps[PORTER] = listening
    caller = hall.caller()
    await hall.ask("carry", Talks(), tools=hall.toolbox.of(caller))
    assert any("Bearer" in headers for headers in sent)
    assert [headers for headers in sent if caller.token in headers] == []
    assert caller.token not in json.dumps(hall.told)


EVIL = "http://localhost:8666"


@pytest.mark.parametrize(
    "endpoint",
    [
        f"{EVIL}/a2a",
        "http://localhost:80200/a2a",
        f"{PORTER}@localhost:8666/a2a",
        "http://eve@localhost:8020/a2a",
        "https://localhost:8020/a2a",
    ],
)
async def test_a_card_that_leads_elsewhere_gets_neither_a_token_nor_the_question(hall: Hall, endpoint: str) -> None:
    hall.porter.endpoint = endpoint
    hall.wire.apps[PORTER] = hall.porter.app()
    hall.wire.apps[EVIL] = Porter(EVIL, hall.wire).app()
    (peer,) = hall.toolbox.of(hall.caller()).peers
    problem = await peer.survey()
    assert problem is not None
    assert f"names no A2A endpoint (JSONRPC) at {PORTER} or below, but JSONRPC {endpoint}" in problem.why
    assert hall.issuer.asked == []
    assert [url for _, url in hall.wire.seen if not url.startswith((PORTER, ISSUER))] == []


async def test_of_a_card_with_several_endpoints_only_the_peers_own_is_asked(hall: Hall) -> None:
    card = hall.porter.card
    elsewhere = AgentInterface(url=f"{EVIL}/a2a", protocol_binding="JSONRPC", protocol_version="1.0")

    def both(*, streaming: bool) -> Any:
        made = card(streaming=streaming)
        made.supported_interfaces.insert(0, elsewhere)
        return made

    hall.porter.card = both
    hall.wire.apps[PORTER] = hall.porter.app()
    assert await hall.ask("carry", Talks()) == "done: carry"
    assert [url for _, url in hall.wire.seen if url.startswith(EVIL)] == []


@pytest.mark.parametrize("said", ["[]", '{"name": 5}', "no JSON"])
async def test_what_is_no_card_is_refused(hall: Hall, said: str) -> None:
    problem = await _surveyed(hall, said)
    assert isinstance(problem, ToolServerProblem)
    assert "is no agent's card" in problem.why


async def test_a_card_is_read_up_to_its_bound_and_no_further(hall: Hall) -> None:
    card = json.dumps(MessageToDict(hall.porter.card(streaming=True)))
    assert await _surveyed(hall, card + " " * (64 * 1024 - len(card))) is None


async def test_a_card_without_an_end_is_refused(hall: Hall) -> None:
    card = json.dumps(MessageToDict(hall.porter.card(streaming=True)))
    problem = await _surveyed(hall, card + " " * (64 * 1024 + 1 - len(card)))
    assert isinstance(problem, ToolServerProblem)
    assert "has no end" in problem.why


async def _surveyed(hall: Hall, card: str) -> ToolServerProblem | None:
    """What becomes of a peer whose card is this text."""

    async def answer(_: Any) -> Response:
        return Response(card, media_type="application/json")

    hall.wire.apps[PORTER] = Router([Route("/.well-known/agent-card.json", answer)])
    (peer,) = hall.toolbox.of(hall.caller()).peers
    return await peer.survey()


async def test_a_caller_whose_token_does_not_reach_a_peer_is_told_so_and_nobody_is_asked(hall: Hall) -> None:
    hall.issuer.reach["concierge"] = (CONCIERGE, {})
    heard = await hall.ask("carry", Talks())
    assert heard is not None
    assert "invalid_scope: further than allowed" in heard
    assert "invalid_scope: further than allowed" in hall.failed[0]
    assert hall.porter.heard == []
    assert {form["grant_type"].rpartition(":")[2] for form in hall.issuer.asked} == {"token-exchange"}


async def test_a_caller_whose_token_has_ended_is_told_so(hall: Hall) -> None:
    tools = hall.toolbox.of(hall.caller(exp=0))
    heard = await hall.ask("carry", Talks(), tools=tools)
    assert heard is not None
    assert "the caller's token has expired" in heard
    assert hall.porter.heard == []
    assert hall.issuer.asked == []


async def test_work_of_its_own_has_its_own_token_and_nobody_acts(hall: Hall) -> None:
    assert await hall.ask("carry", Talks(), tools=hall.toolbox.of(None)) == "done: carry"
    assert dict(hall.told)["token_obtained"] == {"resource": PORTER, "scope": "agent:ask", "how": "own", "actors": []}
    assert [form["grant_type"] for form in hall.issuer.asked] == ["client_credentials"]


def test_the_tool_is_called_by_the_peers_name() -> None:
    assert PeerEntry(name="night-porter", url=PORTER).tool == "ask_night_porter"
