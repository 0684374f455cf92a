"""`daca demo`: every step comes as it must, and nothing stays behind."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

MODES = ["embedded", pytest.param("sidecars", marks=pytest.mark.needs("daprd"))]

# A random id may hold "eyJ" by chance; a header and a payload beside each other are a token.
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+")


def children_of(marker: str) -> list[int]:
    """Processes whose environment names this folder."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


@pytest.mark.parametrize("mode", MODES)
def test_the_machine_path_the_chain_and_the_refusals_are_told_and_true(world: Any, mode: str) -> None:
    done = world.process("demo", f"--{mode}", "--free-ports", "--json")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    report = json.loads(done.stdout)
    assert report["ok"] is True
    assert report["mode"] == mode
    numbers = [step["number"] for step in report["steps"] if step["number"]]
    assert numbers == ["1", "2", "3", "8", "5", "5", "5", "7", "6", "6", "6", "4", "5", *["7"] * 6]
    assert not any(step["wrong"] for step in report["steps"])
    assert all(step["outcomes"] for step in report["steps"])
    chain = next(step for step in report["steps"] if "three" in step["title"])
    assert chain["seen"]["called"].endswith("acting: client:scribe client:concierge")
    assert not TOKEN.search(done.stdout)
    assert not TOKEN.search((world.data / "demo.log").read_text())
    assert not children_of(str(world.data))


def test_a_person_reads_it_step_by_step_without_colours_where_there_is_no_terminal(world: Any) -> None:
    done = world.process("demo", "--embedded", "--free-ports")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "\x1b" not in done.stdout
    order = [
        "Protected resource metadata",
        "Authorization server metadata",
        "Client registration",
        "Client credentials",
    ]
    order += ["Audience validation", "Wrong audience", "Expired"]
    order += ["A person signs in", "She asks concierge", "The audit has the chain", "may not write", "shown to scribe"]
    order += ["Widening", "Replay", "Depth", "Not approved"]
    places = [done.stdout.index(title) for title in order]
    assert places == sorted(places)
    assert "✗" not in done.stdout


def test_ctrl_c_ends_it_and_leaves_nothing(world: Any) -> None:
    daca = world.start_daca("demo", "--embedded", "--free-ports")
    try:
        assert daca.stdout
        while "all are ready" not in daca.stdout.readline():
            assert daca.poll() is None
        daca.send_signal(signal.SIGINT)
        _, said = daca.communicate(timeout=60)
        assert daca.returncode == 1
        assert said.startswith("daca: stopped before the end of the story")
        assert not children_of(str(world.data))
    finally:
        if daca.poll() is None:
            daca.kill()
            daca.communicate()


def test_taken_ports_are_a_clear_error_that_names_the_way_out(world: Any) -> None:
    with world.up("clock", "--embedded"):
        said = world.refused("demo", "--embedded", "--data", f"{world.data}/other")
    assert "in use" in said
    assert "--free-ports" in said
