"""The page says which versions were tried; the lock says which are."""

import json
from pathlib import Path

import pytest

PEERS = Path(__file__).parent / "peers"
PAGE = (PEERS.parents[2] / "docs" / "interop.md").read_text(encoding="utf-8")
PINNED: dict[str, str] = json.loads((PEERS / "package.json").read_text(encoding="utf-8"))["dependencies"]
LOCK = (PEERS / "package-lock.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(PINNED) - {"jose"}))
def test_the_page_names_the_version_that_was_tried(name: str) -> None:
    assert any(PINNED[name] in line for line in PAGE.splitlines() if name.rpartition("/")[2] in line.lower()), name


def test_the_lock_names_no_registry_and_holds_each_version() -> None:
    assert '"resolved"' not in LOCK
    packages = json.loads(LOCK)["packages"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in PINNED} == PINNED
