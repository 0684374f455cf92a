"""What a profile may say, and how a fault in it is told."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from daca_agents.profile import ProfileError, load_profile
from daca_agents.settings import Settings, profile_path, routes_of
from daca_agents.shape import schema
from tests.agents.conftest import PROFILE

GOOD = PROFILE.read_text(encoding="utf-8")


def write(folder: Path, text: str, instructions: str = "Be brief.") -> Path:
    path = folder / "agent.yaml"
    path.write_text(text, encoding="utf-8")
    (folder / "researcher.md").write_text(instructions, encoding="utf-8")
    return path


def line_of(text: str, start: str) -> int:
    return next(
        at for at, line in enumerate(text.splitlines(), start=1) if line.strip().removeprefix("- ").startswith(start)
    )


def test_the_instructions_are_the_text_beside_the_profile(tmp_path: Path) -> None:
    assert load_profile(write(tmp_path, GOOD, "  Be kind.\n")).instructions == "Be kind."


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("client_id: researcher", "client_id: Re searcher", "client_id"),
        ("client_id: researcher", "client-id: researcher", "client-id"),
        ("version: 1", "version: 2", "version"),
        ("port: 8011", "port: '8011'", "port"),
        ("port: 8011", "port: 80110", "port"),
        ("resource: http://localhost:8011", "resource: http://researcher.example.com", "resource"),
        ("resource: http://localhost:8011", "resource: localhost", "resource"),
        ("url: http://localhost:8001/mcp", "url: http://localhost:8001/mcp#x", "mcp_servers.1.url"),
        ("url: http://localhost:8001/mcp", "address: http://localhost:8001/mcp", "mcp_servers.1.address"),
        ("skills:", "peers: [scribe]\nskills:", "peers.0"),
        ("skills:", "acts: nobody\nskills:", "acts"),
        ("skills:", "approvals: [write note]\nskills:", "approvals.0"),
        ("skills:", "approvals: yes\nskills:", "approvals"),
        ("id: look-up", "id: Look up", "skills.0.id"),
        ("name: Researcher", "name: ''", "name"),
        ("instructions: researcher.md", "instructions: ../../etc/passwd", "instructions"),
        ("instructions: researcher.md", "instructions: ../researcher.md", "instructions"),
        ("instructions: researcher.md", "instructions: missing.md", "instructions"),
    ],
)
def test_a_fault_is_told_with_file_line_and_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    text = GOOD.replace(old, new, 1)
    path = write(tmp_path, text)
    with pytest.raises(ProfileError) as fault:
        load_profile(path)
    line = line_of(text, new if field == "mcp_servers.1.url" else new.split(":", maxsplit=1)[0])
    assert f"{path}:{line}: {field}: " in str(fault.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: is empty"),
        ("version: 1\nversion: 1\n", ":2: version: stands there twice"),
        ("version: [1\n", ":2: "),
        ("- 1\n", ":1: profile: "),
        ("version: 1\n", ":1: client_id: Field required"),
        ("version: !!python/object:os.system x\n", ":1: "),
    ],
)
def test_what_is_no_profile_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ProfileError) as fault:
        load_profile(path)
    assert f"{path}{said}" in str(fault.value)


@pytest.mark.parametrize("field", ["name: notes", "url: http://localhost:8000/mcp"])
def test_two_servers_may_not_share_a_name_or_address(tmp_path: Path, field: str) -> None:
    other = "name: clock" if field.startswith("name") else "url: http://localhost:8001/mcp"
    with pytest.raises(ProfileError, match="stands there twice"):
        load_profile(write(tmp_path, GOOD.replace(other, field)))


PEERS = """
peers:
  - {name: scribe, url: "http://localhost:8012"}
  - {name: clock, url: "http://localhost:8013"}
  - {name: self, url: "http://localhost:8011"}
  - {name: scribe, url: "http://localhost:8014"}
may_ask:
  notes: [mcp:read, mcp:delete]
  calendar: [mcp:read]
"""


def test_what_fields_contradict_each_other_is_told_with_the_line_of_each(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + PEERS)
    first = len(GOOD.splitlines()) + 3
    with pytest.raises(ProfileError) as fault:
        load_profile(path)
    assert str(fault.value).splitlines() == [
        f"{path}:{first + 3}: peers.3.name: scribe stands there twice",
        f"{path}:{first + 1}: peers.1.name: clock is the name of an MCP server too",
        f"{path}:{first + 2}: peers.2.url: is this agent itself",
        f"{path}:{first + 5}: may_ask.notes: mcp:delete is not among its scopes there",
        f"{path}:{first + 6}: may_ask.calendar: is none of mcp_servers",
    ]


def test_an_agent_without_the_scope_that_lets_callers_in_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "scopes: { agent:save: Have it save }\n")
    with pytest.raises(ProfileError) as fault:
        load_profile(path)
    assert f"{path}:{len(GOOD.splitlines()) + 1}: scopes: agent:ask must be among them" in str(fault.value)


@pytest.mark.parametrize("name", ["concierge", "researcher", "scribe"])
def test_a_shipped_profile_is_sound_and_fits_the_published_schema(name: str) -> None:
    file = PROFILE.with_name(f"{name}.yaml")
    assert load_profile(file).client_id == name
    jsonschema.validate(yaml.safe_load(file.read_text(encoding="utf-8")), json.loads(schema()))


def test_the_published_schema_is_the_one_in_use() -> None:
    published = PROFILE.parents[1] / "profile.schema.json"
    assert published.read_text(encoding="utf-8") == schema(), (
        "write it anew: python -m daca_agents.shape > agents/profile.schema.json"
    )


def test_every_field_of_a_profile_is_documented() -> None:
    text = (PROFILE.parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")
    shapes: list[dict[str, Any]] = [json.loads(schema()), *json.loads(schema())["$defs"].values()]
    fields = {name for shape in shapes for name in shape["properties"]}
    assert [name for name in sorted(fields) if not re.search(rf"\b{name}\b", text)] == []


def test_a_caller_is_whom_an_agent_acts_for_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert load_profile(PROFILE).acts == "caller"
    assert load_profile(write(tmp_path, f"{GOOD}acts: itself\n")).acts == "itself"


@pytest.mark.parametrize("text", ["", " \n", "x" * 32_001])
def test_instructions_that_are_empty_or_endless_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProfileError, match=r"instructions: researcher\.md must hold"):
        load_profile(write(tmp_path, GOOD, text))


@pytest.mark.parametrize("name", ["../secret.md", "./secret.md", "secret.txt"])
def test_a_profile_reads_nothing_but_the_markdown_beside_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    for folder in (tmp_path, tmp_path / "in"):
        for file in ("secret.md", "secret.txt"):
            (folder / file).write_text("the secret", encoding="utf-8")
    text = GOOD.replace("instructions: researcher.md", f"instructions: {name}")
    with pytest.raises(ProfileError, match=r"must be the name of a \.md file beside the profile"):
        load_profile(write(tmp_path / "in", text))


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"nobody\.yaml"):
        load_profile(tmp_path / "nobody.yaml")


def test_the_routes_follow_from_the_profile() -> None:
    assert routes_of(Settings(), load_profile(PROFILE)) == {
        "http://localhost:9000": "auth-server",
        "http://localhost:8000": "notes",
        "http://localhost:8001": "clock",
    }
    assert routes_of(Settings(), load_profile(PROFILE.with_name("concierge.yaml"))) == {
        "http://localhost:9000": "auth-server",
        "http://localhost:8011": "researcher",
        "http://localhost:8012": "scribe",
    }


def test_a_folder_of_profiles_can_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DACA_PROFILES", str(tmp_path))
    assert profile_path(Settings(), "scribe") == tmp_path / "scribe.yaml"
    monkeypatch.delenv("DACA_PROFILES")
    assert profile_path(Settings(), "researcher").resolve() == PROFILE
