"""What a tool server's door tells of its decisions, and what it leaves out."""

import json
import logging
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mcp_server.app import create_app
from mcp_server.settings import settings_for
from sidecar.audit import FIELDS, Audit
from sidecar.connect import Sidecar
from sidecar.embedded import FileSecrets, SqliteState
from sidecar.trace import Traced
from tests.agents.conftest import lifespan
from tests.mcp_server.issuer import ISSUER, Issuer, Wire

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NOTES = "http://localhost:8000"
CHAIN = {"sub": "scribe", "act": {"sub": "concierge"}}
WRITE = {"name": "a", "text": "b"}


class Notes:
    """The notes behind their door, and everything that the door tells."""

    def __init__(self) -> None:
        self.issuer = Issuer()
        self.wire = Wire()
        self.wire.apps[ISSUER] = self.issuer.app()
        self.heard: list[tuple[str, Mapping[str, str]]] = []

    def hear(self, event: str, said: Mapping[str, str]) -> None:
        self.heard.append((event, said))

    async def post(self, token: str | None, message: object, path: str = "/mcp", **headers: str) -> httpx2.Response:
        """One message, with a token or without."""
        sent = {"accept": "application/json", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        sent |= {} if token is None else {"authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(transport=self.wire, headers=sent | headers) as http:
            return await http.post(f"{NOTES}{path}", json=message)

    def token(self, scope: str = "mcp:read mcp:write", **told: Any) -> str:
        """A token for the notes."""
        return self.issuer.token(f"{NOTES}/mcp", scope, **told)


@pytest.fixture
async def notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncGenerator[Notes]:
    made = Notes()
    monkeypatch.setenv("DACA_CALLS_PER_SECOND", getattr(request, "param", "0"))
    async with SqliteState(tmp_path / "state.db", "notes") as state:
        sidecar = Sidecar(
            mode="embedded",
            state=state,
            secrets=FileSecrets(tmp_path / "secrets.json"),
            transport=made.wire,
            audit=Audit([made.hear]),
        )
        door = create_app(settings_for("notes"), sidecar, "notes")
        async with lifespan(door):
            made.wire.apps[NOTES] = Traced(door)
            yield made


def call(tool: str, arguments: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    params = {"name": tool, "arguments": arguments or {}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


async def test_a_tool_call_is_told_with_everybody_who_acts_in_it(notes: Notes) -> None:
    answer = await notes.post(notes.token(client_id="scribe", subject="u-grace", act=CHAIN), call("write_note", WRITE))
    assert answer.json()["result"]["isError"] is False
    ((event, said),) = notes.heard
    assert said["jti"]
    assert (event, {name: said[name] for name in said if name != "jti"}) == (
        "tool",
        {
            "outcome": "called",
            "subject": "u-grace",
            "actors": "scribe concierge",
            "client": "scribe",
            "resource": f"{NOTES}/mcp",
            "tool": "write_note",
            "asked": "mcp:read mcp:write",
            "scope": "mcp:read mcp:write",
            "kid": "1",
            "trace_id": TRACE,
        },
    )
    assert list(said) == [name for name in FIELDS if name in said]


@pytest.mark.parametrize(
    ("scope", "tool", "outcome", "asked"),
    [
        ("mcp:read", "write_note", "insufficient_scope", "mcp:read mcp:write"),
        ("other", "list_notes", "insufficient_scope", "mcp:read"),
        ("mcp:read", "burn_all", "invalid_request", None),
    ],
)
async def test_a_refused_tool_is_told_with_what_it_takes_and_what_was_held(
    notes: Notes, scope: str, tool: str, outcome: str, asked: str | None
) -> None:
    await notes.post(notes.token(scope), call(tool))
    ((event, said),) = notes.heard
    assert (event, said["outcome"], said["tool"]) == ("tool", outcome, tool)
    assert (said.get("asked"), said["scope"]) == (asked, scope)
    assert (said["subject"], said["client"], said["kid"]) == ("ada", "desk", "1")
    assert said["reason"]
    assert said["jti"]


@pytest.mark.parametrize("notes", ["0.1"], indirect=True)  # one at once
async def test_a_caller_that_calls_too_often_is_told_of(notes: Notes) -> None:
    token = notes.token()
    for _ in range(2):
        await notes.post(token, call("list_notes"))
    assert [(event, said["outcome"]) for event, said in notes.heard] == [("tool", "called"), ("tool", "rate_limited")]


async def test_a_refusal_before_a_token_was_proved_names_nobody(notes: Notes) -> None:
    elsewhere = notes.issuer.token("http://localhost:8001/mcp", "mcp:read")
    await notes.post(None, call("list_notes"))
    await notes.post("eyJhbGciOiJFUzI1NiJ9.e30.x", call("list_notes"))
    await notes.post(elsewhere, call("list_notes"))
    await notes.post(notes.token(life=-60), call("list_notes"))
    await notes.post(notes.token(), call("list_notes"), origin="https://evil.example")
    assert [(event, said["outcome"]) for event, said in notes.heard] == [
        ("request", "no_token"),
        *[("request", "invalid_token")] * 3,
        ("request", "forbidden_origin"),
    ]
    for _, said in notes.heard:
        assert said.keys() == {"outcome", "reason", "resource", "trace_id"}


async def test_a_refused_request_of_somebody_known_names_them(notes: Notes) -> None:
    await notes.post(notes.token(), call("list_notes"), path="/mcp/")
    ((event, said),) = notes.heard
    assert (event, said["outcome"], said["subject"]) == ("request", "not_found", "ada")
    assert "tool" not in said


async def test_what_is_no_tool_call_and_goes_through_is_not_told(notes: Notes) -> None:
    listed = await notes.post(notes.token(), {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert listed.status_code == 200
    assert (await notes.post(None, {}, path="/healthz")).status_code in {200, 405}
    assert notes.heard == []


async def test_the_same_calls_are_told_in_the_same_way(notes: Notes) -> None:
    async def told() -> list[Mapping[str, str]]:
        notes.heard.clear()
        for token in (notes.token(subject="u-1"), None, notes.token("mcp:read", subject="u-2", act=CHAIN)):
            await notes.post(token, call("list_notes" if token else "write_note", WRITE))
        return [{name: value for name, value in said.items() if name != "jti"} for _, said in notes.heard]

    first, second = await told(), await told()
    assert [said["outcome"] for said in first] == ["called", "no_token", "called"]
    assert json.dumps(second) == json.dumps(first)


async def test_no_token_is_in_what_is_told_or_logged(notes: Notes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = [notes.token(act=CHAIN), notes.token("none"), "a.b.c" * 9]
    for token in tokens:
        await notes.post(token, call("list_notes"))
    everything = json.dumps(notes.heard) + caplog.text
    assert len(notes.heard) == len(tokens)
    assert all(part not in everything for token in tokens for part in token.split(".") if len(part) > 8)
