"""Agents that call agents, on a cluster: three of them, each by its own sidecar, and the chain that says who acted."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from daca_agents.owner import Owner
from tests.k8s.asking import CHAIN, Asker, answer_of, claims_of, fresh, note, state_of, token, waiting_in, wish
from tests.k8s.conftest import ROOT, Document, Forwarded, System, port_forward

pytestmark = [pytest.mark.needs("kubernetes")]
CONCIERGE = "http://localhost:8010"
SCRIBE = "http://localhost:8012"
BOTH = "agent:ask agent:save"
MARKER = "eyJ"  # with which every token of ours begins


async def test_a_request_goes_through_three_agents_and_the_note_says_who_acted_for_whom(
    daca: System, operator: tuple[str, str]
) -> None:
    async with daca.front() as front:
        asker = Asker(http=front, url=CONCIERGE, token=await token(front, operator, CONCIERGE, BOTH))
        name = fresh()
        done = await asker.say(wish(name))
        assert state_of(done) == "COMPLETED", done
        assert "Tokyo" in answer_of(done)
        kept = await note(front, operator, name)
    assert kept is not None
    assert kept["created_by"]["subject"] == "client:operator"
    assert kept["created_by"]["actors"] == CHAIN
    assert MARKER not in json.dumps(done)


async def test_nobody_can_do_more_than_the_caller_allowed(daca: System, operator: tuple[str, str]) -> None:
    """The same words with a token that may only ask: concierge gets no token for scribe, and no note is written."""
    async with daca.front() as front:
        asker = Asker(http=front, url=CONCIERGE, token=await token(front, operator, CONCIERGE, "agent:ask"))
        name = fresh()
        done = await asker.say(wish(name))
        assert await note(front, operator, name) is None
    assert "scribe" in json.dumps(done["status"] | {"artifacts": done.get("artifacts", [])}).lower(), done


HOPS = [
    ("auth-server", "exchanged", "http://localhost:8011", "client:concierge"),
    ("auth-server", "exchanged", "http://localhost:8001/mcp", "client:researcher client:concierge"),
    ("clock", "called", "http://localhost:8001/mcp", "client:researcher client:concierge"),
    ("auth-server", "exchanged", "http://localhost:8012", "client:concierge"),
    ("auth-server", "exchanged", "http://localhost:8000/mcp", "client:scribe client:concierge"),
    ("notes", "called", "http://localhost:8000/mcp", "client:scribe client:concierge"),
]


async def _told(daca: System, root: str) -> list[Document]:
    """What was published of a token and of all that came of it, in order, once the last hop is there: in a moment."""
    password = daca.kubectl.secret("redis")["password"]
    asked, found = f"AUTH {password}\nXRANGE audit - +\n", list[Document]()
    for _ in range(60):
        said = daca.kubectl("exec", "--stdin", "redis-0", "--", "redis-cli", "--json", stdin=asked, seconds=60)
        entries: Any = json.loads(said.strip().splitlines()[-1])
        events = [json.loads(fields[1]) for _, fields in entries]
        found = [e for e in events if isinstance(e["data"], dict) and str(e["data"].get("jti", "")).startswith(root)]
        if any(event["data"].get("tool") == "write_note" for event in found):
            break
        await asyncio.sleep(0.5)
    return sorted(found, key=lambda event: event["time"])


async def test_the_audit_has_each_hop_with_its_chain_and_never_a_token(daca: System, operator: tuple[str, str]) -> None:
    async with daca.front() as front:
        mine = await token(front, operator, CONCIERGE, BOTH)
        done = await Asker(http=front, url=CONCIERGE, token=mine).say(wish(fresh()))
    assert state_of(done) == "COMPLETED", done
    events = await _told(daca, claims_of(mine)["jti"])
    told = [event["data"] for event in events]
    hops = [(e["app"], e["outcome"], e["resource"], e["actors"]) for e in told if e.get("actors")]
    assert [hop for hop in hops if hop in HOPS] == HOPS
    assert {event["subject"] for event in told} == {"client:operator"}
    assert len({event["trace_id"] for event in told if event.get("actors")}) == 1
    assert MARKER not in json.dumps(events)


@asynccontextmanager
async def at_pod(daca: System, app: str, pod: str, port: int) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client to whom the app's name leads to this pod."""
    async with (
        port_forward(daca.kubectl, f"pod/{pod}", port) as here,
        httpx2.AsyncClient(transport=Forwarded({f"http://localhost:{port}": here}), timeout=150) as http,
    ):
        yield http


def _remembered(daca: System, context: str) -> list[str]:
    """What a person said in a conversation with concierge, as it lies in concierge's state."""
    owner = Owner(subject="client:operator", client_id="operator").conversation(context)
    path = f"sidecar:/v1.0/state/statestore/conversation-{owner}:messages"
    answer = daca.inside("concierge", "ask.py", "GET", path)
    assert answer["status"] == 200, answer
    kept: Any = json.loads(answer["text"])
    items = [json.loads(item) if isinstance(item, str) else item for item in kept]
    return [item["content"] for item in items if item.get("role") == "user"]


async def test_a_conversation_goes_on_at_another_replica_and_after_every_pod_of_it_is_gone(
    daca: System, operator: tuple[str, str]
) -> None:
    words = [f"Ask the researcher what time it is in {city}." for city in ("Tokyo", "Paris", "Lima")]
    async with daca.front() as front:
        mine = await token(front, operator, CONCIERGE, BOTH)
    daca.kubectl.scale(2, "concierge")
    try:
        one, other = daca.kubectl.pods("concierge")
        async with at_pod(daca, "concierge", one, 8010) as http:
            first = await Asker(http=http, url=CONCIERGE, token=mine).say(words[0])
        daca.kubectl("delete", "pod", one, "--grace-period=0", "--force", "--wait")
        async with at_pod(daca, "concierge", other, 8010) as http:
            second = await Asker(http=http, url=CONCIERGE, token=mine).say(words[1], context=first["contextId"])
    finally:
        daca.kubectl.scale(1, "concierge")
    daca.kubectl.anew("concierge")
    async with daca.front() as front:
        asker = Asker(http=front, url=CONCIERGE, token=await token(front, operator, CONCIERGE, BOTH))
        third = await asker.say(words[2], context=first["contextId"])
        kept = await asker.task(first["id"])
    assert [state_of(task) for task in (first, second, third, kept)] == ["COMPLETED"] * 4
    assert {task["contextId"] for task in (first, second, third)} == {first["contextId"]}
    assert answer_of(kept) == answer_of(first)
    assert _remembered(daca, first["contextId"]) == words


@pytest.fixture
def careful(daca: System) -> Generator[System]:
    """Scribe with a profile in which writing, too, needs a person's yes."""
    folder = ROOT / "agents" / "profiles"
    profile = (folder / "scribe.yaml").read_text(encoding="utf-8")
    strict = profile.replace("approvals: [delete_note]", "approvals: [write_note, delete_note]")
    assert strict != profile
    data = {"scribe.yaml": strict, "scribe.md": (folder / "scribe.md").read_text(encoding="utf-8")}
    daca.kubectl.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "careful"}, "data": data})
    container = {
        "name": "app",
        "env": [{"name": "DACA_PROFILES", "value": "/careful"}],
        "volumeMounts": [{"name": "careful", "mountPath": "/careful"}],
    }
    volume = {"name": "careful", "configMap": {"name": "careful"}}
    patch = {"spec": {"template": {"spec": {"containers": [container], "volumes": [volume]}}}}
    daca.kubectl("patch", "deployment", "scribe", "--patch", json.dumps(patch))
    daca.kubectl.ready("scribe")
    # One that drains would still answer, by the profile that it began with.
    daca.kubectl.anew("scribe", "concierge")
    _reaches_scribe(daca)
    yield daca
    daca.kubectl("rollout", "undo", "deployment/scribe")
    daca.kubectl.ready("scribe")
    daca.kubectl("delete", "configmap", "careful")


def _reaches_scribe(daca: System) -> None:
    """Concierge's sidecar may look for a pod that is gone for a while: 20 seconds, and DNS may for 30."""
    path = "sidecar:/v1.0/invoke/scribe/method/.well-known/agent-card.json"
    end = time.monotonic() + 90
    while (answer := daca.inside("concierge", "ask.py", "GET", path))["status"] != 200:
        assert time.monotonic() < end, answer
        time.sleep(1)


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_pending_approval_outlives_every_pod_that_knows_of_it(
    careful: System, operator: tuple[str, str], decision: str
) -> None:
    daca, name = careful, fresh()
    async with daca.front() as front:
        asker = Asker(http=front, url=CONCIERGE, token=await token(front, operator, CONCIERGE, BOTH))
        asked = await asker.say(f"Ask the scribe to write a note '{name}': we leave on Friday.")
        assert state_of(asked) == "INPUT_REQUIRED", asked
        (waits,) = waiting_in(asked)
        assert (waits["tool"], waits["at"]) == ("write_note", ["concierge", "scribe"])
        assert await note(front, operator, name) is None
    daca.kubectl.anew("concierge", "scribe", "notes", "redis")
    _reaches_scribe(daca)
    async with daca.front() as front:
        asker = Asker(http=front, url=CONCIERGE, token=await token(front, operator, CONCIERGE, BOTH))
        data = {"decisions": {waits["call"]: decision}}
        done = await asker.say(data=data, task=asked["id"], context=asked["contextId"])
        kept = await note(front, operator, name)
    assert state_of(done) == "COMPLETED", done
    assert (kept is not None) is (decision == "approve")
    if kept is not None:
        assert kept["created_by"]["actors"] == CHAIN


async def test_a_task_is_nobodys_but_its_owners(daca: System, operator: tuple[str, str]) -> None:
    """Concierge, by its own token for scribe, finds nothing of what the operator asked of scribe."""
    async with daca.front() as front:
        mine = Asker(http=front, url=SCRIBE, token=await token(front, operator, SCRIBE, "agent:ask"))
        asked = await mine.say(f"Write a note '{fresh()}': mine.")
        wanted: list[Document] = [{"resource": SCRIBE, "of": None}]
        minted: Any = daca.inside("concierge", "mint.py", "concierge", json.dumps(wanted))
        other = Asker(http=front, url=SCRIBE, token=minted[0]["token"])
        refused = (await other.send("GetTask", {"id": asked["id"]})).json()
        assert refused["error"]["code"] == -32001, refused
        assert (await mine.task(asked["id"]))["id"] == asked["id"]
