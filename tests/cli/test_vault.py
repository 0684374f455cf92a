"""Where tokens are kept, by DACA_VAULT and by the keyring that `keyring` finds: real backends, no stand-in of ours."""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null

from cli.errors import Usage
from cli.settings import Settings, read_settings
from cli.vault import KeyringVault, open_vault
from oauth_client import CredentialsUnusable, FileVault
from tests.cli.conftest import DACA, ROOT
from tests.cli.keyring_file import Keyring, Weak

NAME = "session https://as.example https://notes.example/mcp"


@pytest.fixture
def ring(tmp_path: Path) -> Generator[Keyring]:
    """The keyring of this machine, for one test."""
    before = keyring.get_keyring()
    mine = Keyring()
    mine.file = str(tmp_path / "ring")
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def settings(tmp_path: Path, choice: str, data: str = "data") -> Settings:
    return read_settings({"DACA_VAULT": choice} if choice else {}, tmp_path / data, None)


@pytest.mark.parametrize("choice", ["", "auto", "keyring"])
async def test_a_real_keyring_is_used_and_nothing_is_in_files(ring: Keyring, tmp_path: Path, choice: str) -> None:
    vault = open_vault(settings(tmp_path, choice))
    assert isinstance(vault, KeyringVault)
    assert await vault.read(NAME) is None
    await vault.write(NAME, {"access_token": "first", "scopes": ["mcp:read"]})
    await vault.write(NAME, {"access_token": "second", "scopes": ["mcp:read"]})
    again = open_vault(settings(tmp_path, choice))
    assert await again.read(NAME) == {"access_token": "second", "scopes": ["mcp:read"]}
    assert "second" in ring.text()
    async with vault.hold(NAME):
        assert [path.suffix for path in (tmp_path / "data" / "people").iterdir()] == [".lock"]
    await again.forget(NAME)
    await again.forget(NAME)
    assert await vault.read(NAME) is None
    assert "second" not in ring.text()


@pytest.mark.usefixtures("ring")
async def test_two_data_folders_share_a_keyring_and_no_record(tmp_path: Path) -> None:
    one, two = (open_vault(settings(tmp_path, "auto", data)) for data in ("one", "two"))
    await one.write(NAME, {"access_token": "of one"})
    assert await two.read(NAME) is None
    await two.forget(NAME)
    assert await one.read(NAME) == {"access_token": "of one"}


@pytest.mark.usefixtures("ring")
async def test_files_are_used_where_files_are_asked_for(tmp_path: Path) -> None:
    assert isinstance(open_vault(settings(tmp_path, "file")), FileVault)


@pytest.mark.usefixtures("ring")
@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring, Weak])
async def test_without_a_real_keyring_files_are_used_unless_it_was_demanded(
    tmp_path: Path, backend: type[KeyringBackend]
) -> None:
    keyring.set_keyring(backend())
    vault = open_vault(settings(tmp_path, "auto"))
    assert isinstance(vault, FileVault)
    await vault.write(NAME, {"access_token": "kept"})
    assert await open_vault(settings(tmp_path, "")).read(NAME) == {"access_token": "kept"}
    with pytest.raises(Usage, match="there is no real keyring here"):
        open_vault(settings(tmp_path, "keyring"))


async def test_a_locked_keyring_is_told_with_a_way_out_and_without_what_it_holds(ring: Keyring, tmp_path: Path) -> None:
    vault = open_vault(settings(tmp_path, "auto"))
    await vault.write(NAME, {"access_token": "kept"})
    ring.locked = "locked"
    for work in (vault.read(NAME), vault.write(NAME, {"access_token": "kept"}), vault.forget(NAME)):
        with pytest.raises(CredentialsUnusable, match=r"KeyringLocked.*DACA_VAULT=file") as caught:
            await work
        assert "kept" not in str(caught.value)


async def test_what_a_keyring_keeps_in_spite_of_being_told_is_not_said_to_be_gone(
    ring: Keyring, tmp_path: Path
) -> None:
    vault = open_vault(settings(tmp_path, "auto"))
    ring.locked = "fixed"
    await vault.forget(NAME)
    await vault.write(NAME, {"refresh_token": "still good"})
    with pytest.raises(CredentialsUnusable, match="PasswordDeleteError"):
        await vault.forget(NAME)


async def test_a_record_that_the_keyring_takes_no_more_of_is_told(ring: Keyring, tmp_path: Path) -> None:
    vault = open_vault(settings(tmp_path, "auto"))
    with pytest.raises(CredentialsUnusable, match="PasswordSetError"):
        await vault.write(NAME, {"access_token": "x" * 100_001})
    ring.put(f"daca {tmp_path / 'data'}", NAME, "[1]")
    assert await vault.read(NAME) is None
    ring.put(f"daca {tmp_path / 'data'}", NAME, "{half")
    with pytest.raises(CredentialsUnusable, match="JSONDecodeError"):
        await vault.read(NAME)


@pytest.mark.parametrize(
    ("backend", "choice", "said"),
    [
        ("keyring.backends.null.Keyring", "keyring", "no real keyring"),
        ("keyring.backends.fail.Keyring", "keyring", "no real keyring"),
        ("nowhere.at.all.Keyring", "keyring", "cannot be loaded"),
        ("nowhere.at.all.Keyring", "auto", "cannot be loaded"),
        ("json.Keyring", "auto", "cannot be loaded"),
    ],
)
def test_a_keyring_that_is_demanded_and_not_there_ends_the_command_with_one_line(
    tmp_path: Path, backend: str, choice: str, said: str
) -> None:
    """A process, since `keyring` looks for its backend once in each."""
    own = {"DACA_VAULT": choice, "DACA_DATA": str(tmp_path), "PYTHON_KEYRING_BACKEND": backend}
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("DACA_", "DAPR_"))}
    done = subprocess.run(
        [sys.executable, DACA, "logout", "http://127.0.0.1:9/mcp", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={**environ, **own},
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
