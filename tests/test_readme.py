"""The README can be believed: its commands exist and parse, its paths are there, and what is quick is run."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENTRIES = {path.name for path in ROOT.iterdir()}

# Of daca's commands, those that only look: they are run as they stand, in a folder of their own.
SAFE = (["daca", "--help"], ["daca", "--version"])


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def _commands() -> Iterator[list[str]]:
    """Each command of the shell blocks, in words: joined over line ends, without comments and leading settings."""
    for block in _blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while words and re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)
            if words:
                yield words


COMMANDS = [" ".join(words) for words in _commands()]


def _of(program: str) -> list[list[str]]:
    return [words for words in _commands() if words[0] == program]


def _daca(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "daca"
    return subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_readme_shows_how_to_run_it() -> None:
    assert {"make demo", "make test"} <= set(COMMANDS)


def test_every_program_of_the_readme_is_one_this_test_knows() -> None:
    known = {"make", "daca", "git", "cd", "kubectl", "tilt", "pip", "export", "curl"}
    strangers = {words[0] for words in _commands()} - known
    assert sorted(stranger for stranger in strangers if not (ROOT / stranger).exists()) == []


def test_every_make_target_exists() -> None:
    named = {word for words in _of("make") for word in words[1:] if "=" not in word}
    named |= set(re.findall(r"`make ([a-z0-9-]+)`", README))
    there = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert sorted(named - there) == []


def test_every_make_target_s_script_exists() -> None:
    scripts = re.findall(r"^\t@(scripts/\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


def _subcommand(words: list[str]) -> tuple[str, ...]:
    """The command's own names: what stands before the first argument that is no name."""
    names: list[str] = []
    for word in words[1:]:
        if not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        names.append(word)
    return tuple(names)


def _daca_mentions() -> set[tuple[str, ...]]:
    in_text = [shlex.split(text) for text in re.findall(r"`(daca [^`\n]*)`", README)]
    return {_subcommand(words) for words in [*_of("daca"), *in_text]} - {()}


@pytest.mark.parametrize("names", sorted(_daca_mentions()), ids=" ".join)
def test_every_daca_command_of_the_readme_parses(names: tuple[str, ...], tmp_path: Path) -> None:
    """A word after the command may be its argument, and `--help` before it is understood all the same."""
    answers = [_daca(*names[:length], "--help", folder=tmp_path) for length in range(len(names), 0, -1)]
    assert [answer.returncode for answer in answers] == [0] * len(names)
    assert all("Usage" in answer.stdout for answer in answers)


def test_every_option_of_a_daca_command_is_one_it_has(tmp_path: Path) -> None:
    for words in _of("daca"):
        options = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--help"}
        names = _subcommand(words)
        helped = "".join(_daca(*names[:length], "--help", folder=tmp_path).stdout for length in range(len(names) + 1))
        assert sorted(option for option in options if option not in helped) == [], words


def test_what_only_looks_is_run(tmp_path: Path) -> None:
    for words in _of("daca"):
        if words in SAFE:
            assert _daca(*words[1:], folder=tmp_path).returncode == 0, words


def _is_path(text: str) -> bool:
    return re.fullmatch(r"[\w.*-]+(/[\w.*-]+)*/?", text) is not None and text.split("/", maxsplit=1)[0] in ENTRIES


def test_every_path_of_the_readme_exists() -> None:
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    spoken = [text for text in re.findall(r"`([^`\n]+)`", README) if _is_path(text) and ("/" in text or "." in text)]
    assert [path for path in [*linked, *spoken] if not any(ROOT.glob(path.rstrip("/")))] == []


def test_every_python_block_compiles_and_imports_what_exists() -> None:
    for block in _blocks("python"):
        compile(block, "README.md", "exec", flags=0x2000)  # top-level await, as in a notebook
        imports = "\n".join(line for line in block.splitlines() if re.match(r"(from|import) ", line))
        done = subprocess.run([sys.executable, "-c", imports], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not on this machine")
def test_make_says_what_it_can_do() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "make demo" in said
    assert "make test" in said
