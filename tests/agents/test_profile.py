"""What a profile may say, and how a fault in it is told."""

from pathlib import Path

import pytest

from daca_agents.profile import ProfileError, load_profile
from daca_agents.settings import Settings, profile_path, routes_of
from tests.agents.conftest import PROFILE

GOOD = PROFILE.read_text(encoding="utf-8")


def write(folder: Path, text: str, instructions: str = "Be brief.") -> Path:
    path = folder / "agent.yaml"
    path.write_text(text, encoding="utf-8")
    (folder / "researcher.md").write_text(instructions, encoding="utf-8")
    return path


def line_of(text: str, start: str) -> int:
    return next(at for at, line in enumerate(text.splitlines(), start=1) if line.strip().startswith(start))


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
        ("peers: []", "peers: [scribe]", "peers"),
        ("approvals: []", "approvals: [write_note]", "approvals"),
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
    line = line_of(text, new if field == "mcp_servers.1.url" else new.split(":", maxsplit=1)[0] + ":")
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


def test_a_folder_of_profiles_can_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DACA_PROFILES", str(tmp_path))
    assert profile_path(Settings(), "scribe") == tmp_path / "scribe.yaml"
    monkeypatch.delenv("DACA_PROFILES")
    assert profile_path(Settings(), "researcher").resolve() == PROFILE
