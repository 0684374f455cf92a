"""In whose name an agent goes on: its caller's in all that it does for one, its own in what it does for nobody."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx2
import pytest
from agents import RunContextWrapper

from daca_agents.happenings import heard_by
from daca_agents.profile import load_profile
from daca_agents.refusals import ToolServerProblem, ToolServerRefused
from daca_agents.settings import Settings
from daca_agents.tool_server import ToolServer
from daca_agents.toolbox import Sources, Toolbox
from oauth_client import ClientSecret, Exchanges, Policy, Tokens
from resource_server import Caller
from tests.agents.conftest import CLOCK, NOTES, PROFILE, RESEARCHER, SECRET, World
from tests.mcp_server.issuer import ISSUER

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
SCRIBE = PROFILE.with_name("scribe.yaml")


def ignore(_: RunContextWrapper[Any], problem: ToolServerProblem) -> None:
    del problem


def toolbox_in(world: World, profile: Any = PROFILE, policy: Policy | None = None, **options: Any) -> Toolbox:
    loaded = load_profile(profile)
    http = httpx2.AsyncClient(transport=world.wire)
    proof = ClientSecret(loaded.client_id, SECRET)
    sources = Sources(
        own=Tokens(credentials=proof, http=http, issuer=ISSUER),
        callers=Exchanges(credentials=proof, http=http, issuer=ISSUER, policy=policy),
    )
    return Toolbox(loaded, sources=sources, transport=world.wire, failed=ignore, **options)


@pytest.fixture
async def toolbox(world: World) -> AsyncGenerator[Toolbox]:
    made = toolbox_in(world)
    yield made
    await made.aclose()


def caller(world: World, subject: str = "ada", *, at: str = RESEARCHER, **claims: Any) -> Caller:
    token = world.issuer.token(at, "agent:ask", subject=subject, act=claims.get("act"))
    known = {"exp": 4_000_000_000, **claims}
    return Caller(subject=subject, client_id="desk", scopes=frozenset({"agent:ask"}), claims=known, token=token)


def grants(world: World) -> list[str]:
    return [form["grant_type"] for form in world.issuer.asked]


async def offered(servers: Sequence[ToolServer]) -> set[str]:
    return {tool.name for server in servers for tool in await server.list_tools()}


def clock_of(toolbox: Toolbox, of: Caller | None) -> ToolServer:
    return next(server for server in toolbox.of(of).servers if server.name == "clock")


async def test_a_callers_tools_are_listed_and_called_in_the_callers_name(world: World, toolbox: Toolbox) -> None:
    tools = toolbox.of(caller(world))
    assert {"get_time", "list_notes"} <= await offered(tools.servers)
    assert set(grants(world)) == {EXCHANGE}


async def test_work_of_its_own_uses_its_own_tokens_alone(world: World, toolbox: Toolbox) -> None:
    assert "get_time" in await offered(toolbox.of(None).servers)
    assert set(grants(world)) == {"client_credentials"}


@pytest.mark.requirement("RS-25")
async def test_own_work_and_a_callers_share_no_token_and_the_callers_own_goes_nowhere(
    world: World, toolbox: Toolbox
) -> None:
    sent = world.overheard(CLOCK)
    ada = caller(world)
    own, hers = clock_of(toolbox, None), clock_of(toolbox, ada)
    await own.call_tool("get_time", {})
    before = set(sent)
    await hers.call_tool("get_time", {})
    await own.call_tool("get_time", {})
    after = set(sent[len(before) :])
    assert len(set(sent)) == 2
    assert len(after - before) == 1
    assert f"Bearer {ada.token}" not in sent
    told = [json.dumps(form) for form in world.issuer.asked if form["grant_type"] != EXCHANGE]
    assert [form for form in told if ada.token in form] == []


async def test_a_callers_tokens_are_obtained_once_however_often_it_asks(world: World, toolbox: Toolbox) -> None:
    ada = caller(world)
    for _ in range(3):
        await offered(toolbox.of(ada).servers)
        await clock_of(toolbox, ada).call_tool("get_time", {})
    assert sorted(form["resource"] for form in world.issuer.asked) == [f"{NOTES}/mcp", f"{CLOCK}/mcp"]


async def test_two_callers_at_once_never_share_a_token_or_a_list(world: World, toolbox: Toolbox) -> None:
    subjects: dict[str, set[str]] = {"ada": set(), "bob": set()}

    async def write(subject: str, number: int) -> None:
        who = caller(world, subject)
        tools = toolbox.of(who)
        assert tools is not toolbox.of(caller(world, "somebody else"))
        heard: list[Any] = []
        with heard_by(lambda _, data: heard.append(data)):
            result = await tools.servers[0].call_tool("read_note", {"name": f"of {subject}"})
        subjects[subject].add(json.dumps(result.structured_content["created_by"]))  # type: ignore[index]
        assert [one["how"] for one in heard] == ["exchanged"]
        del number

    for subject in subjects:
        await world.note(f"of {subject}", "hers")
    await asyncio.gather(*(write(subject, number) for number in range(4) for subject in subjects))
    exchanged = [form["subject_token"] for form in world.issuer.asked]
    assert len(exchanged) == len(set(exchanged)) == 8


async def test_everybody_who_acted_before_stays_in_what_is_told(world: World, toolbox: Toolbox) -> None:
    told: list[dict[str, Any]] = []
    who = caller(world, act={"sub": "client:concierge"})
    with heard_by(lambda _, data: told.append(data)):
        await clock_of(toolbox, who).call_tool("get_time", {})
    assert told == [
        {
            "resource": f"{CLOCK}/mcp",
            "scope": "mcp:read",
            "how": "exchanged",
            "actors": ["client:researcher", "client:concierge"],
        }
    ]


async def test_a_caller_whose_token_does_not_reach_is_told_why_and_nothing_falls_back(
    world: World, toolbox: Toolbox
) -> None:
    world.issuer.reach["researcher"] = (RESEARCHER, {f"{NOTES}/mcp": frozenset({"mcp:read"})})
    tools = toolbox.of(caller(world))
    (problem,) = await tools.survey()
    assert isinstance(problem, ToolServerRefused)
    assert "invalid_scope: further than allowed" in problem.why
    with pytest.raises(ToolServerRefused, match="further than allowed"):
        await clock_of(toolbox, caller(world)).call_tool("get_time", {})
    assert set(grants(world)) == {EXCHANGE}


async def test_a_caller_whose_token_ends_in_the_middle_is_told_so(world: World) -> None:
    tick = [0.0]
    toolbox = toolbox_in(world, policy=Policy(clock=lambda: tick[0]), now=lambda: 1000.0)
    clock = clock_of(toolbox, caller(world, exp=1040))
    assert await clock.survey() is None
    asked, tick[0] = len(world.issuer.asked), 41.0
    with pytest.raises(ToolServerRefused, match=r"the caller's token has expired.*the caller calls again"):
        await clock.call_tool("get_time", {})
    assert len(world.issuer.asked) == asked
    await toolbox.aclose()


async def test_an_agent_asks_at_once_for_all_that_its_profile_names_but_what_a_person_must_grant(
    world: World,
) -> None:
    world.issuer.clients["scribe"] = (SECRET, frozenset())
    writes = {f"{NOTES}/mcp": frozenset({"mcp:read", "mcp:write"})}
    world.issuer.reach["scribe"] = ("http://localhost:8012", writes)
    toolbox = toolbox_in(world, SCRIBE)
    tools = toolbox.of(caller(world, at="http://localhost:8012"))
    names = await offered(tools.servers)
    assert "write_note" in names
    assert "delete_note" not in names
    assert {form["scope"] for form in world.issuer.asked} == {"mcp:read mcp:write"}
    await toolbox.aclose()


async def test_a_caller_whose_token_reaches_only_the_least_gets_that(world: World) -> None:
    world.issuer.clients["scribe"] = (SECRET, frozenset())
    world.issuer.reach["scribe"] = ("http://localhost:8012", {f"{NOTES}/mcp": frozenset({"mcp:read"})})
    toolbox = toolbox_in(world, SCRIBE)
    names = await offered(toolbox.of(caller(world, at="http://localhost:8012")).servers)
    assert "read_note" in names
    assert "write_note" not in names
    await toolbox.aclose()


@pytest.mark.parametrize(
    ("tells", "why", "asked"),
    [(True, "does not offer", set[str]()), (False, "unsupported_grant_type", {EXCHANGE})],
    ids=["told", "tried"],
)
async def test_where_there_is_no_token_exchange_the_way_out_is_named_and_not_taken(
    world: World, *, tells: bool, why: str, asked: set[str]
) -> None:
    world.issuer.reach.clear()
    world.issuer.tells_grants = tells
    toolbox = toolbox_in(world)
    problems = await toolbox.of(caller(world)).survey()
    assert len(problems) == 2
    for problem in problems:
        assert why in problem.why
        assert "`acts: itself` in its profile, or DACA_ACTS=itself" in problem.why
    assert set(grants(world)) == asked
    await toolbox.aclose()


async def test_an_agent_that_acts_for_itself_does_so_whoever_asks(world: World) -> None:
    world.issuer.reach.clear()
    toolbox = toolbox_in(world, acts="itself")
    assert toolbox.of(caller(world)) is toolbox.of(None)
    assert "get_time" in await offered(toolbox.of(caller(world)).servers)
    assert set(grants(world)) == {"client_credentials"}
    await toolbox.aclose()


async def test_the_environment_says_in_whose_name_over_the_profile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DACA_ACTS", "itself")
    await world.start(settings=Settings())
    answer = await world.ask("what time is it")
    assert set(grants(world)) == {"client_credentials"}
    how = [(step["how"], step["actors"]) for step in answer["steps"] if step["event"] == "token_obtained"]
    assert how == [("own", []), ("own", [])]


async def test_a_caller_is_kept_while_its_token_lives_and_no_longer(world: World) -> None:
    now = [1000.0]
    toolbox = toolbox_in(world, now=lambda: now[0])
    ada, bob = caller(world, exp=1300), caller(world, "bob", exp=9999)
    kept = toolbox.of(ada)
    assert toolbox.of(ada) is kept
    now[0] = 1301.0
    toolbox.of(bob)
    assert toolbox.of(ada) is not kept
    await toolbox.aclose()


async def test_of_many_callers_the_one_longest_silent_is_forgotten(world: World, toolbox: Toolbox) -> None:
    ada = caller(world)
    kept = toolbox.of(ada)
    for number in range(255):
        toolbox.of(caller(world, f"caller {number}"))
    assert toolbox.of(ada) is kept
    for number in range(256):
        toolbox.of(caller(world, f"another {number}"))
    assert toolbox.of(ada) is not kept


async def test_nothing_that_is_told_or_shown_holds_a_token(world: World) -> None:
    await world.start()
    http = world.http()
    answer = await world.ask("What time is it? List all notes.", http)
    said = json.dumps(answer)
    assert http.headers["authorization"].removeprefix("Bearer ") not in said
    assert "eyJ" not in said
