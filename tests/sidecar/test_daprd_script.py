"""`make daprd`: which sidecar it takes and which it refuses, in a copy of the tree with nothing but the script."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PINNED: Final = "1.18.2"
MACHINE: Final = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
ARCHIVE: Final = f"daprd_{sys.platform}_{MACHINE}.tar.gz"


def _program(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


@dataclass(kw_only=True)
class Tree:
    """A clone with the script alone, a home, and releases to download from; no Go, so nothing is built."""

    folder: Path

    @property
    def ours(self) -> Path:
        return self.folder / "bin" / "daprd"

    def release(self, version: str, *, checksum: str | None = None) -> str:
        """Publish an archive, with its own checksum or a given one; returns its own."""
        program = _program(self.folder / "made" / "daprd", version)
        archive = self.folder / "releases" / f"v{PINNED}" / ARCHIVE
        archive.parent.mkdir(parents=True)
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(program, "daprd")
        own = hashlib.sha256(archive.read_bytes()).hexdigest()
        archive.with_name(f"{ARCHIVE}.sha256").write_text(f"{checksum or own}  {ARCHIVE}\n")
        return own

    def run(self) -> "subprocess.CompletedProcess[str]":
        environ = {
            "PATH": f"{self.folder / 'path'}:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "DACA_DAPR_RELEASES": (self.folder / "releases").as_uri(),
        }
        return subprocess.run(
            [self.folder / "scripts" / "daprd"], env=environ, capture_output=True, text=True, check=False
        )


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for folder in ("scripts", "tools/daprd"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "daprd", tmp_path / "scripts")
    for name in ("go.mod", "checksums.txt"):
        shutil.copy(ROOT / "tools" / "daprd" / name, tmp_path / "tools" / "daprd")
    return Tree(folder=tmp_path)


@pytest.fixture(autouse=True)
def no_go() -> None:
    if os.path.exists("/usr/bin/go"):  # noqa: PTH110  a plain question
        pytest.skip("Go is on the bare path: a build would take minutes")


def test_the_one_already_in_place_is_taken(tree: Tree) -> None:
    _program(tree.ours, PINNED)
    done = tree.run()
    assert (done.returncode, done.stdout) == (0, "bin/daprd\n")


@pytest.mark.parametrize("place", ["path/daprd", "home/.dapr/bin/daprd"])
@pytest.mark.parametrize("version", [PINNED, "1.18.10", "1.19.0", "2.0.0"])
def test_one_of_at_least_the_pinned_version_is_taken_where_it_is(tree: Tree, place: str, version: str) -> None:
    program = _program(tree.folder / place, version)
    assert tree.run().stdout == f"{program}\n"


@pytest.mark.parametrize("version", ["1.18.1", "1.9.9", "0.99.0", "edge", "''"])
def test_an_older_or_unknown_one_is_passed_over_with_a_word(tree: Tree, version: str) -> None:
    _program(tree.folder / "path" / "daprd", version)
    done = tree.run()
    assert done.returncode == 1
    assert f"at least {PINNED} is needed" in done.stderr
    assert done.stdout == ""


def test_a_release_with_its_published_checksum_is_put_in_place(tree: Tree) -> None:
    tree.release(PINNED)
    assert tree.run().stdout == "bin/daprd\n"
    assert os.access(tree.ours, os.X_OK)


def test_a_release_with_another_checksum_is_not_used(tree: Tree) -> None:
    tree.release(PINNED, checksum="0" * 64)
    done = tree.run()
    assert done.returncode == 1
    assert "wrong checksum" in done.stderr
    assert not tree.ours.exists()


def test_a_checksum_of_ours_goes_before_the_published_one(tree: Tree) -> None:
    own = tree.release(PINNED, checksum="0" * 64)
    ours = tree.folder / "tools" / "daprd" / "checksums.txt"
    ours.write_text(f"{PINNED} {ARCHIVE} {own}\n")
    assert tree.run().returncode == 0
    tree.ours.unlink()
    ours.write_text(f"{PINNED} {ARCHIVE} {'1' * 64}\n")
    assert "wrong checksum" in tree.run().stderr


def test_a_release_that_is_another_version_inside_is_not_used(tree: Tree) -> None:
    tree.release("1.17.0")
    done = tree.run()
    assert f"does not say that it is {PINNED}" in done.stderr
    assert not tree.ours.exists()


def test_with_nothing_to_be_had_it_says_what_to_do(tree: Tree) -> None:
    done = tree.run()
    assert done.returncode == 1
    assert "the release cannot be reached" in done.stderr
    assert "install Go" in done.stderr
