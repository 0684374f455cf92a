"""The secrets file: atomic, for its owner's eyes, the same for every process, and read embedded."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.embedded import FileSecrets
from sidecar.secrets import SecretMissing, SecretsUnavailable
from sidecar.secrets_file import SecretsFile, SecretsFileError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "secrets.json"


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(mode)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_put_is_there_for_another_process_and_for_dapr(path: Path) -> None:
    SecretsFile(path).put("client-a", {"secret": "s", "previous": "p"})
    assert SecretsFile(path).get("client-a") == {"secret": "s", "previous": "p"}
    assert json.loads(path.read_text()) == {"client-a": {"secret": "s", "previous": "p"}}


def test_only_the_owner_may_read_it_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        SecretsFile(path).put("a", {"k": "v"})
    finally:
        os.umask(before)
    assert _mode(path) == 0o600
    assert _mode(path.parent) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
async def test_a_file_that_others_may_read_is_not_used(path: Path, mode: int) -> None:
    _write(path, '{"a": {"k": "v"}}', mode)
    with pytest.raises(SecretsFileError, match="chmod 600"):
        SecretsFile(path).get("a")
    with pytest.raises(SecretsUnavailable, match="chmod 600"):
        await FileSecrets(path).get("a")


def test_names_are_sorted_and_a_missing_file_is_empty(path: Path) -> None:
    file = SecretsFile(path)
    assert file.names() == ()
    assert file.get("a") is None
    file.put("b", {"k": "v"})
    file.put("a", {"k": "v"})
    assert file.names() == ("a", "b")
    file.remove("b")
    file.remove("never")
    assert file.names() == ("a",)


def test_ensure_makes_a_secret_once(path: Path) -> None:
    file = SecretsFile(path)
    assert file.ensure("a", lambda: {"k": "first"}) == {"k": "first"}
    assert SecretsFile(path).ensure("a", lambda: {"k": "second"}) == {"k": "first"}


def test_many_processes_that_start_at_once_agree_on_each_secret(path: Path) -> None:
    code = (
        "import sys, json, pathlib, uuid; from sidecar.secrets_file import SecretsFile\n"
        "file = SecretsFile(pathlib.Path(sys.argv[1])); print('ready', flush=True); sys.stdin.readline()\n"
        "print(json.dumps([dict(file.ensure(f's{n}', lambda: {'k': uuid.uuid4().hex})) for n in range(20)]))"
    )
    argv = [sys.executable, "-c", code, str(path)]
    running = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.communicate()[0] for process in running}
    assert len(answers) == 1
    assert len(json.loads(answers.pop())) == 20


def test_a_failed_change_changes_nothing_and_leaves_nothing(path: Path) -> None:
    file = SecretsFile(path)
    file.put("a", {"k": "v"})
    before = path.read_bytes()

    def fail() -> dict[str, str]:
        raise RuntimeError("no randomness")

    with pytest.raises(RuntimeError):
        file.ensure("b", fail)
    assert path.read_bytes() == before
    assert {entry.name for entry in path.parent.iterdir()} == {"secrets.json", ".secrets.json.lock"}


@pytest.mark.parametrize("values", [{}, {"k": ""}])
def test_an_empty_secret_is_never_written(path: Path, values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="no empty value"):
        SecretsFile(path).put("a", values)


@pytest.mark.parametrize("text", ["sesame", '["sesame"]', '{"a": "sesame"}', '{"a": {"k": 1}}', '{"a": null}', "{"])
def test_a_broken_file_is_named_and_never_quoted(path: Path, text: str) -> None:
    _write(path, text)
    with pytest.raises(SecretsFileError, match=r"secrets\.json") as caught:
        SecretsFile(path).get("a")
    assert "sesame" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


async def test_a_running_app_sees_a_changed_secret(path: Path) -> None:
    file, secrets = SecretsFile(path), FileSecrets(path)
    file.put("a", {"k": "one"})
    assert await secrets.get("a") == {"k": "one"}
    file.put("a", {"k": "two"})
    assert await secrets.get("a") == {"k": "two"}


@pytest.mark.parametrize("text", ["{}", '{"a": {}}', '{"a": {"k": "v", "other": ""}}'])
async def test_a_missing_or_empty_secret_is_refused_with_what_to_do(path: Path, text: str) -> None:
    _write(path, text)
    with pytest.raises(SecretMissing, match="`daca up` makes it"):
        await FileSecrets(path).get("a")


async def test_what_is_given_out_cannot_be_changed_for_the_next(path: Path) -> None:
    SecretsFile(path).put("a", {"k": "v"})
    secrets = FileSecrets(path)
    first = await secrets.get("a")
    dict.update(first, {"k": "changed"})  # type: ignore[arg-type]  # the type says Mapping; the object is a dict
    assert await secrets.get("a") == {"k": "v"}
