"""`daca agent ask`: a talk with any A2A agent that takes OAuth tokens, drawn as it happens."""

import json
import os
import pty
import shutil
import signal
import subprocess
from collections.abc import Generator
from typing import Any

import pytest

from cli.enquiry import decisions
from cli.errors import Failure
from cli.ports import pick
from tests.cli.conftest import DACA, ROOT, make_world
from tests.cli.stranger import Parrot, agent

AS_OPERATOR = ("--client", "operator")


@pytest.fixture(scope="module")
def aviary(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Any, Parrot]]:
    """A system of ours, and somebody else's agent, known to the identity file and to nobody's code."""
    world = make_world(tmp_path_factory.mktemp("aviary"))
    shutil.copytree(ROOT / "agents" / "profiles", world.folder / "profiles")
    profiles = {"DACA_PROFILES": str(world.folder / "profiles")}
    said = world.json("agent", "new", "parrot", "--port", str(pick(1)[0]), **profiles)
    with world.up("auth-server", "--embedded"), agent(said["resource"], world.urls["auth-server"]) as parrot:
        yield world, parrot


def ask(world: Any, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return world.daca("agent", "ask", "parrot", *arguments, *AS_OPERATOR)


def events(world: Any, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ask(world, *arguments, "--json").stdout.splitlines()]


def test_the_answer_is_on_stdout_and_the_hops_beside_it(aviary: Any) -> None:
    done = ask(aviary[0], "chain")
    assert (done.returncode, done.stdout) == (0, "you said: chain\n")
    lines = done.stderr.splitlines()
    assert lines[0].split() == ["operator", "→", "parrot", "chain"]
    assert "operator has a token for" in lines[1]
    drawn = [line for line in lines if "→" in line or "scribe" in line]
    depths = [(len(line) - len(line.lstrip()), line.strip().split("  ")[0]) for line in drawn]
    assert depths == [
        (0, "operator → parrot"),
        (2, "parrot → scribe"),
        (4, "· scribe has a token for http://n: mcp:write"),
        (4, "▸ scribe calls write_note"),
        (4, "✗ scribe: write_note refused by notes"),
        (2, "parrot ← scribe"),
    ]
    assert "acting: scribe ← parrot" in done.stderr
    assert "something_new" in done.stderr, "what is new since is drawn all the same"


def test_more_scope_than_the_door_demands_is_asked_for_where_that_was_said(aviary: Any) -> None:
    refused = ask(aviary[0], "hello", "--scope", "agent:save")
    assert refused.returncode == 1
    assert "invalid_scope" in refused.stderr
    assert "agent:save" in refused.stderr


def test_nothing_that_an_agent_says_is_obeyed_by_the_terminal(aviary: Any) -> None:
    done = ask(aviary[0], "chain")
    again = ask(aviary[0], "\x1b[31mred")
    assert "\x1b" not in done.stdout + done.stderr + again.stdout + again.stderr
    assert "\x07" not in done.stderr


def test_for_programs_every_event_is_a_line_and_the_last_one_is_the_result(aviary: Any) -> None:
    told = events(aviary[0], "chain")
    kinds = [one["event"] for one in told]
    assert kinds[:2] == ["token_obtained", "task"]
    assert kinds[2:-1] == [
        *("peer_asked", "token_obtained", "tool_called", "tool_refused", "peer_answered", "something_new")
    ]
    assert told[3]["at"] == ["parrot", "scribe"]
    result = told[-1]
    assert {name: result[name] for name in ("event", "state", "answer", "approvals")} == {
        "event": "result",
        "state": "completed",
        "answer": "you said: chain",
        "approvals": [],
    }
    assert result["task"] == told[1]["task"]
    assert "eyJ" not in json.dumps(told)


def test_without_streaming_there_is_the_answer_alone(aviary: Any) -> None:
    assert [one["event"] for one in events(aviary[0], "chain", "--no-stream")] == [
        *("token_obtained", "task", "result")
    ]


def test_a_conversation_goes_on_where_it_was(aviary: Any) -> None:
    first = events(aviary[0], "one")[-1]
    assert events(aviary[0], "two", "--context", first["context"])[-1]["context"] == first["context"]


def test_an_agent_that_gives_up_is_exit_code_1_with_its_reason(aviary: Any) -> None:
    done = ask(aviary[0], "fail")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == "daca: no answer from parrot: failed: the model is away"


def test_an_agent_that_asks_back_is_answered_on_its_task(aviary: Any) -> None:
    done = ask(aviary[0], "ask back")
    assert done.returncode == 1
    assert "Which one?" in done.stderr
    task = events(aviary[0], "ask back")[-1]["task"]
    assert "you said: that one" in ask(aviary[0], "that one", "--task", task).stdout


def test_a_decision_is_said_how_to_be_made_and_taken_to_the_task(aviary: Any) -> None:
    world, _ = aviary
    done = ask(world, "wait")
    assert done.returncode == 1
    told = done.stderr.splitlines()[-1]
    task = told.partition("--task ")[2].split()[0]
    assert told == (
        "daca: delete_note needs a person's yes: "
        f"daca agent ask parrot --task {task} --approve --client operator (or --reject)"
    )
    assert ask(world, "--task", task, "--approve").stdout == "you said: call_1=approve\n"
    task = events(world, "wait")[-1]["task"]
    assert ask(world, "--task", task, "--reject").stdout == "you said: call_1=reject\n"
    assert "nothing waits" in ask(world, "--task", task, "--reject").stderr


def test_what_is_not_named_is_never_approved_by_that(aviary: Any) -> None:
    world, _ = aviary
    task = events(world, "wait twice")[-1]["task"]
    assert "call_3 does not wait" in ask(world, "call_3", "--task", task, "--approve").stderr
    assert "decided at once" in ask(world, "call_1", "--task", task, "--reject").stderr
    assert ask(world, "call_2", "--task", task, "--approve").stdout == "you said: call_1=reject call_2=approve\n"
    assert decisions("approve", (), ["a", "b"]) == {"a": "approve", "b": "approve"}
    assert decisions("reject", ["a"], ["a"]) == {"a": "reject"}
    with pytest.raises(Failure):
        decisions("approve", (), [])


@pytest.mark.parametrize(("typed", "decided"), [("y\n", "approve"), ("n\n", "reject"), ("\n", "reject")])
def test_in_a_terminal_the_person_is_asked(aviary: Any, typed: str, decided: str) -> None:
    world, _ = aviary
    ours, theirs = pty.openpty()
    daca = subprocess.Popen(
        [DACA, "agent", "ask", "parrot", "wait", *AS_OPERATOR],
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=dict(world.environ),
        start_new_session=True,
    )
    try:
        os.close(theirs)
        shown = b""
        while b"Allow" not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, typed.encode())
        assert daca.stdout
        assert daca.stdout.read().strip() == f"you said: call_1={decided}"
        assert daca.wait(timeout=30) == 0
    finally:
        daca.kill()
        daca.wait()
        daca.stdout.close() if daca.stdout else None
        os.close(ours)


def test_ctrl_c_ends_the_task_at_the_agent_and_says_so(aviary: Any) -> None:
    world, parrot = aviary
    parrot.began.clear()
    daca = world.start_daca("agent", "ask", "parrot", "sleep", "--json", *AS_OPERATOR)
    try:
        lines = [json.loads(daca.stdout.readline()) for _ in range(2)]
        assert parrot.began.wait(30)
        daca.send_signal(signal.SIGINT)
        _, said = daca.communicate(timeout=30)
        assert daca.returncode == 1
        assert said == f"daca: stopped; task {lines[1]['task']} was cancelled\n"
        assert parrot.cancelled.wait(30)
    finally:
        if daca.poll() is None:
            daca.kill()
            daca.communicate()


def test_a_card_that_leads_elsewhere_gets_neither_token_nor_words(aviary: Any) -> None:
    world, _ = aviary
    decoy_url = f"http://localhost:{pick(1)[0]}"
    with agent(decoy_url, "", endpoint="http://localhost:1/talk") as decoy:
        said = world.daca("agent", "ask", decoy_url, "a word", *AS_OPERATOR)
        assert said.returncode == 1
        assert "names no endpoint there" in said.stderr
        assert decoy.heard == []


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("parrot",), 2, "say one thing"),
        (("parrot", "two", "things"), 2, "say one thing"),
        (("nobody", "hello"), 2, "no resource named nobody"),
        (("parrot", "--approve"), 2, "go with --task"),
        (("parrot", "--approve", "--reject", "--task", "x"), 2, "exclude"),
        (("parrot", "--approve", "--task", "x", "--context", "y"), 2, "--context"),
        (("parrot", "hello"), 1, "daca login"),
        (("parrot", "hello", "--client", "researcher", "--json"), 1, "invalid_target"),
        (("http://localhost:1", "hello", *AS_OPERATOR), 1, "no agent card"),
    ],
)
def test_a_refusal_is_one_line_that_says_why(aviary: Any, arguments: tuple[str, ...], code: int, why: str) -> None:
    done = aviary[0].daca("agent", "ask", *arguments)
    assert done.returncode == code, done.stderr
    assert why in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("daca: ")
