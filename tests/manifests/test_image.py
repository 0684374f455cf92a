"""The image is built from what is locked, and holds nothing that it does not run."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*==[^\s;\\]+)", re.MULTILINE)


def _pins(lock: str) -> set[str]:
    return set(PIN.findall((ROOT / lock).read_text(encoding="utf-8")))


def test_the_image_installs_what_the_tests_ran_with() -> None:
    assert _pins("requirements-run.lock") < _pins("requirements.lock")


def test_no_tool_of_development_is_in_the_image() -> None:
    names = {pin.split("==")[0] for pin in _pins("requirements-run.lock")}
    assert names & {"pytest", "ruff", "pyright", "hypothesis", "playwright", "coverage", "kubernetes-validate"} == set()


def test_every_file_that_is_installed_has_a_hash_and_is_a_wheel() -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / "requirements-run.lock").read_text(encoding="utf-8").strip())
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    install = next(
        line
        for line in DOCKERFILE.replace("\\\n", " ").splitlines()
        if "requirements-run.lock" in line and "RUN" in line
    )
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install


def test_the_image_runs_as_nobody_in_particular() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nUSER 65532:65532\n" in last
    assert not re.search(r"gcc|build-essential|apt-get", DOCKERFILE)


def test_the_context_is_a_list_of_what_is_needed() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "*"
    wanted = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        source.split("/")[0]
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in _sources(line)
    }
    assert {name.split("/")[0] for name in wanted} == copied


def _sources(line: str) -> list[str]:
    return [word for word in line.split() if not word.startswith("--")][:-1]
