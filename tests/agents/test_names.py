"""The SDK is called `agents`, our folder too: both import side by side, from the repository and from a wheel."""

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = Path(str(importlib.util.find_spec("pydantic").origin)).parents[1]  # type: ignore[union-attr]
ASK = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import agents, daca_agents
from agents import Agent
from daca_agents.app import create_app
from daca_agents.profile import load_profile
from daca_agents.settings import Settings, profile_path
path = profile_path(Settings(), "researcher")
print(json.dumps([agents.__file__, daca_agents.__file__, str(path), load_profile(path).client_id]))
"""


def imported(paths: list[Path], *, at: Path) -> list[str]:
    """Where both come from in a fresh interpreter that knows of no editable installation."""
    asked = [sys.executable, "-I", "-S", "-c", ASK, json.dumps([str(path) for path in paths])]
    return json.loads(subprocess.run(asked, check=True, capture_output=True, text=True, cwd=at, timeout=60).stdout)


def test_both_import_from_the_root_of_the_repository() -> None:
    asked = [sys.executable, "-c", ASK, json.dumps([str(ROOT)])]
    told = subprocess.run(asked, check=True, capture_output=True, text=True, cwd=ROOT, timeout=60).stdout
    sdk, ours, profile, client_id = json.loads(told)
    assert Path(sdk) == PACKAGES / "agents" / "__init__.py"
    assert Path(ours) == ROOT / "agents" / "daca_agents" / "__init__.py"
    assert (Path(profile), client_id) == (ROOT / "agents" / "profiles" / "researcher.yaml", "researcher")


def test_both_import_from_a_wheel(tmp_path: Path) -> None:
    with zipfile.ZipFile(built(tmp_path)) as wheel:
        wheel.extractall(tmp_path / "site")
    sdk, ours, profile, client_id = imported([tmp_path / "site", PACKAGES], at=tmp_path)
    assert Path(sdk) == PACKAGES / "agents" / "__init__.py"
    assert Path(ours) == tmp_path / "site" / "daca_agents" / "__init__.py"
    assert (Path(profile), client_id) == (
        tmp_path / "site" / "daca_agents" / "profiles" / "researcher.yaml",
        "researcher",
    )


def built(folder: Path) -> Path:
    """The wheel of this tree, by the build backend itself: nothing is asked for on the way."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    made = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    return next(folder.glob("*.whl"))
