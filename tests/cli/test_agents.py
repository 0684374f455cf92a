"""`daca agent`: an agent is two files and two entries, and the command writes all of them or none."""

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from cli.ports import pick
from cli.profiles import find_profiles
from cli.settings import read_settings
from tests.cli.conftest import AGENTS, ROOT

SHIPPED = ROOT / "agents" / "profiles"


@pytest.fixture
def studio(world: Any) -> Any:
    """A world with profiles of its own, copies of those that are shipped."""
    shutil.copytree(SHIPPED, world.folder / "profiles")
    world.environ["DACA_PROFILES"] = str(world.folder / "profiles")
    return world


def _identity(world: Any) -> Path:
    return Path(world.environ["DACA_IDENTITY"])


def _files(world: Any) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in world.folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def _commented(world: Any) -> str:
    """The identity file as people write it: the one that is shipped, comments and all, on this world's ports."""
    text = (ROOT / "identity.yaml").read_text()
    declared = yaml.safe_load(text)["resources"]
    for resource in declared:
        text = text.replace(resource["uri"], world.urls[resource["name"]])
    _identity(world).write_text(text)
    return text


def test_a_new_agent_is_a_profile_instructions_a_resource_and_a_client(studio: Any) -> None:
    text = _commented(studio)
    asked = ("--description", "Writes: poems", "--mcp", "notes:mcp:read", "--mcp", "notes:mcp:write", "--mcp", "clock")
    said = studio.json("agent", "new", "poet", *asked)
    profiles = studio.folder / "profiles"
    assert said["written"] == [str(profiles / "poet.yaml"), str(profiles / "poet.md"), str(_identity(studio))]
    assert said["asked_by"] == ["operator"]
    profile = yaml.safe_load((profiles / "poet.yaml").read_text())
    assert profile["description"] == "Writes: poems"
    assert [(one["name"], one["scopes"]) for one in profile["mcp_servers"]] == [
        ("notes", ["mcp:read", "mcp:write"]),
        ("clock", ["mcp:read"]),
    ]
    now = yaml.safe_load(_identity(studio).read_text())
    client = next(one for one in now["clients"] if one["client_id"] == "poet")
    reach = {studio.urls["notes"]: ["mcp:read", "mcp:write"], studio.urls["clock"]: ["mcp:read"]}
    assert client["delegation"] == {"agent:ask": reach}
    assert client["resources"] == {}, "for itself it may do nothing"
    assert client["answers_at"] == said["resource"]
    operator = next(one for one in now["clients"] if one["client_id"] == "operator")
    assert operator["resources"][said["resource"]] == ["agent:ask"]
    kept = iter(_identity(studio).read_text().splitlines())
    assert all(line in kept for line in text.splitlines()), "every line is there still, in its order"
    assert stat.S_IMODE((studio.data / "secrets.json").stat().st_mode) == 0o600


def test_it_runs_without_another_step_and_answers_whom_it_was_made_for(studio: Any) -> None:
    said = studio.json("agent", "new", "poet", "--mcp", "clock")
    with studio.up("auth-server", "clock", "poet", "--embedded") as up:
        assert up.ready["agents"] == {"poet": said["resource"]}
        token = studio.ok("token", "poet", "--client", "operator").strip()
        answer = httpx2.post(
            f"{said['resource']}/ask",
            json={"input": "what time is it in Tokyo"},
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["agent"] == "poet"
        assert "no client of its own" not in answer.text
        assert [row["agent"] for row in studio.json("agent", "list") if row["running"]] == ["poet"]


def test_agents_are_listed_with_what_they_are_for(studio: Any) -> None:
    studio.ok("agent", "new", "poet", "--description", "Writes poems.")
    rows = {row["agent"]: row for row in studio.json("agent", "list")}
    assert set(rows) == {*AGENTS, "poet"}
    assert rows["poet"]["description"] == "Writes poems."
    assert not any(row["running"] for row in rows.values())
    assert "poet\t" in studio.ok("agent", "list")


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("Poet",), 2, "small letters"),
        (("../poet",), 2, "small letters"),
        (("notes",), 1, "a resource of that name"),
        (("auth-server",), 1, "exists already"),
        (("operator",), 1, "a client of that name"),
        (("lonely",), 1, "there is a profile"),
        (("poet", "--mcp", "nothing:mcp:read"), 1, "no resource named nothing"),
        (("poet", "--mcp", "notes:mcp:nope"), 1, "not a scope of this resource"),
        (("poet", "--asked-by", "nobody"), 1, "no client nobody"),
        (("poet", "--asked-by", "editor"), 1, "no right of its own"),
        (("poet", "--port", "0"), 2, "--port"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(
    studio: Any, arguments: tuple[str, ...], code: int, why: str
) -> None:
    (studio.folder / "profiles" / "lonely.yaml").write_text("version: 1\n")
    before = _files(studio)
    assert why in studio.refused("agent", "new", *arguments, code=code)
    assert _files(studio) == before


def test_nothing_is_left_when_the_last_file_cannot_be_written(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _files(studio)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cli.recruit.shutil.copymode", full)
    assert "No space left" in studio.refused("agent", "new", "poet")
    assert _files(studio) == before


def test_a_port_that_is_taken_by_any_profile_or_resource_is_not_given_out_again(studio: Any) -> None:
    ports = [int(studio.json("agent", "new", name)["resource"].rpartition(":")[2]) for name in ("a", "b", "c")]
    assert len(set(ports)) == 3
    assert not set(ports) & set(_usual(studio))
    chosen = pick(1)[0]
    assert studio.json("agent", "new", "d", "--port", str(chosen))["resource"] == f"http://localhost:{chosen}"


def _usual(studio: Any) -> Iterator[int]:
    for file in find_profiles(read_settings(studio.environ, None, None)).values():
        if file.stem not in {"a", "b", "c"}:
            yield yaml.safe_load(file.read_text())["port"]
