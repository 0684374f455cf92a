"""The lock: in step with pyproject.toml, hashed, from no index by name; every dependency with its reason."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.test_rooms import ROOMS, sources

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads(PYPROJECT)["project"]


def test_the_locks_name_no_index() -> None:
    assert re.findall(r"://|^ *-(?!-hash=).*", LOCK, re.MULTILINE) == []
    locks = [path for path in ROOT.glob("*/**/package-lock.json") if "node_modules" not in path.parts]
    assert [path for path in locks if '"resolved"' in path.read_text(encoding="utf-8")] == []


def _direct() -> list[Requirement]:
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    lines: list[str] = [*PROJECT["dependencies"], *(line for extra in extras.values() for line in extra)]
    return [Requirement(line) for line in lines]


def _locked() -> dict[str, Version]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", LOCK, re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in found}


def test_the_lock_satisfies_every_direct_dependency() -> None:
    locked = _locked()
    behind = [str(need) for need in _direct() if locked[canonicalize_name(need.name)] not in need.specifier]
    assert behind == []


def test_every_locked_package_has_a_hash() -> None:
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_every_dependency_has_its_reason_beside_it() -> None:
    lines = PYPROJECT.splitlines()
    requirements = [line for line in lines if re.match(r'\s+"[a-z0-9-]+(\[[a-z]+\])?[><=]', line)]
    assert len(requirements) == len(_direct())
    assert [line for line in requirements if not re.search(r'",\s+# \S+', line)] == []


def _third_parties() -> set[str]:
    """Top-level names, imported by our rooms, that neither we nor Python own."""
    names: set[str] = set()
    for file in sources():
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").partition(".")[0])
    return names - set(ROOMS) - sys.stdlib_module_names


def test_whatever_is_imported_is_a_direct_dependency() -> None:
    direct = {canonicalize_name(need.name) for need in _direct()}
    owners = packages_distributions()
    strangers = {
        name for name in _third_parties() if not direct & {canonicalize_name(owner) for owner in owners.get(name, ())}
    }
    assert sorted(strangers) == []
