"""`daca user`, `daca login`, `daca call` as a person and `daca logout`: real processes, real pages, real doors."""

import asyncio
import json
import subprocess
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from oauth_client import FileVault
from oauth_client.sessions import name_of
from tests.cli.conftest import ROOT, World, make_world
from tests.cli.visitor import Visitor

pytestmark = pytest.mark.xdist_group("cli-login")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A system with one person in it."""
    world = make_world(tmp_path_factory.mktemp("people"))
    world = World(folder=world.folder, urls=world.urls, environ={**world.environ, "DACA_VAULT": "file"})
    with world.up("auth-server", "notes", "clock", "--embedded"):
        added = world.daca("user", "add", "ada", "--password-stdin", "--json", stdin="a long password\n")
        assert added.returncode == 0, added.stderr
        assert json.loads(added.stdout)["name"] == "ada"
        yield world


def sign_in(world: World, *arguments: str, visitor: Visitor | None = None) -> tuple[int, str, str]:
    """`daca login` with somebody who follows the URL that it prints."""
    process = world.start_daca("login", *arguments, "--no-browser", "--wait", "60")
    assert process.stderr
    said = process.stderr.readline()
    url = process.stderr.readline().strip()
    if url:
        asyncio.run((visitor or Visitor()).visit(url))
    out, err = process.communicate(timeout=60)
    return process.returncode, out, said + url + err


@pytest.mark.requirement("CH-01", "CH-08", "CH-09", "CH-11", "CL-10", "CL-19")
def test_a_person_signs_in_and_calls_a_tool_refreshes_and_signs_out(town: World) -> None:
    assert "daca login" in town.refused("call", "clock")

    code, out, err = sign_in(town, "clock", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["resource"] == town.urls["clock"]
    assert told["scopes"] == ["mcp:read", "offline_access"]
    called = town.json("call", "clock", "get_time", "--args", '{"time_zone": "Asia/Karachi"}')
    assert called["structuredContent"]["time_zone"] == "Asia/Karachi"

    assert town.json("logout", "clock") == {"resource": town.urls["clock"], "was_signed_in": True, "revoked": True}
    assert "daca login" in town.refused("call", "clock")
    assert town.json("logout", "clock")["was_signed_in"] is False


def test_tokens_are_kept_where_only_their_owner_reads(town: World) -> None:
    code, _, err = sign_in(town, "clock")
    assert code == 0, err
    kept = [path for path in (town.data / "people").iterdir() if path.suffix == ".json"]
    assert kept
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    assert (town.data / "people").stat().st_mode & 0o777 == 0o700
    for path in kept:
        path.chmod(0o644)
    assert "chmod 600" in town.refused("call", "clock")
    for path in kept:
        path.chmod(0o600)


@pytest.mark.requirement("CH-12", "CL-29")
def test_a_tool_beyond_the_grant_says_how_to_sign_in_for_more(town: World) -> None:
    code, _, err = sign_in(town, "notes", "--scope", "mcp:read")
    assert code == 0, err
    note = ("call", "notes", "write_note", "--args", '{"name": "mine", "text": "written by a person"}')
    said = town.refused(*note)
    assert "daca login" in said
    assert "mcp:write" in said
    code, out, err = sign_in(town, "notes", "--scope", "mcp:write", "--json")
    assert code == 0, err
    assert {"mcp:read", "mcp:write"} <= set(json.loads(out)["scopes"])
    town.ok(*note)


def test_a_person_who_denies_ends_the_command_with_one_line(town: World) -> None:
    code, out, err = sign_in(town, "notes", "--scope", "mcp:delete", visitor=Visitor(decision="deny"))
    assert code == 1
    assert out == ""
    assert "access_denied" in err


def test_nobody_who_comes_ends_the_command_in_time(town: World) -> None:
    done = town.daca("login", "clock", "--no-browser", "--wait", "1")
    assert done.returncode == 1
    assert "nobody finished it within 1 s" in done.stderr


def test_a_disabled_person_cannot_sign_in_until_they_may_again(town: World) -> None:
    added = town.daca("user", "add", "eve", "--password-stdin", stdin="another password\n")
    assert added.returncode == 0, added.stderr
    town.ok("user", "disable", "eve")
    listed = {one["name"]: one["disabled"] for one in town.json("user", "list")}
    assert listed == {"ada": False, "eve": True}
    town.ok("user", "disable", "eve", "--undo")
    assert {one["name"] for one in town.json("user", "list") if one["disabled"]} == set()


def test_a_password_that_is_too_short_and_a_person_who_is_not_there_are_refused(town: World) -> None:
    assert "8" in town.refused("user", "add", "kid", "--password-stdin", stdin="short\n")
    assert "no user" in town.refused("user", "disable", "nobody")
    assert "--password-stdin" in town.refused("user", "add", "kid", code=2)


def test_a_vault_that_is_not_there_is_refused(town: World) -> None:
    assert "DACA_VAULT" in town.refused("call", "clock", code=2, DACA_VAULT="cellar")
    assert Path(town.data / "people").is_dir()


def test_with_a_keyring_every_process_finds_the_tokens_there_and_none_are_in_files(town: World, tmp_path: Path) -> None:
    ring = {"PYTHON_KEYRING_BACKEND": "tests.cli.keyring_file.Keyring", "KEYRING_PROPERTY_FILE": str(tmp_path / "ring")}
    own = {"DACA_VAULT": "keyring", "PYTHONPATH": str(ROOT), **ring}
    keeping = World(folder=town.folder, urls=town.urls, environ={**town.environ, **own})
    files = {path: path.read_bytes() for path in (town.data / "people").glob("*.json")}

    code, _, err = sign_in(keeping, "clock")
    assert code == 0, err
    kept = json.loads((tmp_path / "ring").read_text())
    assert sorted(name.split()[3] for name in kept) == ["client", "session"]
    called = keeping.process("call", "clock", "get_time", "--json")
    assert called.returncode == 0, called.stderr
    done = keeping.process("logout", "clock", "--json")
    assert json.loads(done.stdout)["revoked"] is True
    assert len(json.loads((tmp_path / "ring").read_text())) == 1
    assert {path: path.read_bytes() for path in (town.data / "people").glob("*.json")} == files


def expire(world: World, resource: str) -> FileVault:
    """The stored token is over: it opens nothing, and says so."""
    vault = FileVault(world.data / "people")
    name = name_of(world.urls["auth-server"], world.urls[resource])
    kept = asyncio.run(vault.read(name))
    assert kept
    asyncio.run(vault.write(name, {**kept, "access_token": "over", "expires_at": time.time() - 60}))
    return vault


def asked_for(world: World, since: str, least: int) -> list[str]:
    """How each request for a token went since then, by the log, in which it is written a moment later."""
    end = time.monotonic() + 30
    while True:
        lines = (line.partition("| ")[2] for line in (world.folder / "log").read_text().splitlines())
        told = [json.loads(line) for line in lines if line.startswith("{") and '"event":"token"' in line]
        found = [one["outcome"] for one in told if one["timestamp"] > since]
        if len(found) >= least or time.monotonic() > end:
            return found
        time.sleep(0.05)


def waiting(process: "subprocess.Popen[str]", lock: Path) -> bool:
    """Whether a process has opened the lock: then it has read the stale token and is about to refresh it."""
    try:
        return any(link.resolve() == lock for link in Path(f"/proc/{process.pid}/fd").iterdir())
    except OSError:
        return False


async def let_all_in_at_once(vault: FileVault, name: str, lock: Path, processes: "list[subprocess.Popen[str]]") -> None:
    async with vault.hold(name), asyncio.timeout(120):
        while not all(waiting(process, lock) for process in processes):
            assert all(process.poll() is None for process in processes)
            await asyncio.sleep(0.05)


@pytest.mark.requirement("CH-10")
def test_four_processes_that_need_a_new_token_at_once_refresh_once_and_all_succeed(town: World) -> None:
    code, _, err = sign_in(town, "clock")
    assert code == 0, err
    vault, since = expire(town, "clock"), datetime.now(UTC).isoformat()
    name = name_of(town.urls["auth-server"], town.urls["clock"])
    lock = (town.data / "people" / f"{sha256(name.encode()).hexdigest()}.lock").resolve()

    processes = [town.start_daca("call", "clock", "get_time", "--json") for _ in range(4)]
    try:
        asyncio.run(let_all_in_at_once(vault, name, lock, processes))
        said = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * 4, said
    assert all("structuredContent" in json.loads(out) for out, _ in said)

    expire(town, "clock")
    town.ok("call", "clock", "get_time")
    assert asked_for(town, since, least=2) == ["issued", "issued"]


@pytest.mark.requirement("CL-11", "CL-12", "CL-13")
def test_a_client_that_was_registered_beforehand_signs_in_refreshes_and_is_shown_to_its_issuer_alone(
    town: World,
) -> None:
    code, out, err = sign_in(town, "notes", "--client", "editor", "--scope", "mcp:read", "--json")
    assert code == 0, err
    assert json.loads(out)["client_id"] == "editor"
    expire(town, "notes")
    town.ok("call", "notes", "list_notes")
    asked = ("login", "notes", "--client", "editor", "--no-browser")
    assert "https://as.example" in town.refused(*asked, "--issuer", "https://as.example")
    assert "--client" in town.refused("login", "notes", "--issuer", "https://as.example", code=2)
    assert town.json("logout", "notes")["revoked"] is True
