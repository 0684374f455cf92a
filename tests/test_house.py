"""The house keeps its own promises: sizes, names, the README's table of rules, and no trace of a machine."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_rooms import ROOMS, sources

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# How the name of a rule's file says which document states the rule.
DOCUMENTS = {
    r"rfc(\d{4})": r"RFC {0}",
    r"oauth21": r"OAuth 2\.1",
    r"openid|oidc": r"OpenID",
    r"cimd": r"Client ID Metadata Document",
    r"idjag": r"Identity Assertion",
    r"mcp": r"MCP",
}


def _tracked() -> list[Path]:
    """Every file that a commit of now would hold."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git work tree, so there are no tracked files")
    asked = [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="ignore")


def _lines(pattern: str, files: list[Path]) -> list[str]:
    found = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(_text(path).splitlines(), start=1)
        if found.search(line)
    ]


def test_no_source_file_has_more_than_two_hundred_lines() -> None:
    files = [*sources(), *(path.relative_to(ROOT).as_posix() for path in (ROOT / "bench").glob("*.py"))]
    sizes = {file: len(_text(ROOT / file).splitlines()) for file in files}
    assert {file: size for file, size in sizes.items() if size > 200} == {}


def _functions(file: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(_text(ROOT / file))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_has_more_than_forty_lines() -> None:
    sizes = {
        f"{file}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file in sources()
        for node in _functions(file)
    }
    assert {name: size for name, size in sizes.items() if size > 40} == {}


def test_the_folder_agents_never_shadows_the_installed_package() -> None:
    assert not (ROOT / "agents" / "__init__.py").exists()
    installed = importlib.util.find_spec("agents")
    assert installed is not None
    assert installed.origin is not None
    assert not Path(installed.origin).is_relative_to(ROOT / "agents")


def test_the_wheel_holds_every_room() -> None:
    packages = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {Path(package).name for package in packages} == set(ROOMS)


def _rules() -> list[str]:
    return [file for file in sources() if "/rules/" in file and not file.endswith("__init__.py")]


def test_every_rule_says_which_document_states_it() -> None:
    silent = [file for file in _rules() if not _names_its_document(file)]
    assert silent == []


def _names_its_document(file: str) -> bool:
    said = ast.get_docstring(ast.parse(_text(ROOT / file))) or ""
    for prefix, words in DOCUMENTS.items():
        if match := re.match(f"(?:{prefix})_", Path(file).name):
            return re.search(words.format(*match.groups()), said) is not None
    return False


def test_the_readme_stays_short_and_names_every_rule() -> None:
    assert len(README.splitlines()) < 150
    assert [file for file in _rules() if f"`{file}`" not in README] == []


def _settings() -> set[str]:
    """Environment variables that a source file names, or that a settings class with our prefix has as a field."""
    names: set[str] = set()
    for file in sources():
        tree = ast.parse(_text(ROOT / file))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and re.fullmatch(r"DACA_[A-Z_]*[A-Z]", str(node.value)):
                names.add(str(node.value))
            if isinstance(node, ast.ClassDef) and any("BaseSettings" in ast.unparse(base) for base in node.bases):
                names |= {f"DACA_{name.upper()}" for name in _fields(node) if name != "model_config"}
    return names


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for item in node.body:
        # A field with an alias is named by that, which is a string of its own.
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and "_either" not in ast.unparse(item):
            yield item.target.id


def test_every_setting_is_named_in_the_readme_or_the_docs() -> None:
    written = README + "".join(_text(page) for page in (ROOT / "docs").rglob("*.md"))
    assert sorted(name for name in _settings() if not re.search(rf"\b{name}\b", written)) == []


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    # A Dockerfile's paths are the image's.
    files = [path for path in _tracked() if path.suffix not in {".lock", ".sum"} and path.name != "Dockerfile"]
    assert _lines(r"(^|[^A-Za-z0-9_.*-])/(work|farm|root)/|/home/(?!you/)[a-z]+/", files) == []


def _registries() -> set[str]:
    """The hosts that this machine's package clients ask, as far as they say so."""
    asks = (["npm", "config", "get", "registry"], ["go", "env", "GOPROXY", "GOSUMDB"], ["pip", "config", "list"])
    said = " ".join(value for name, value in os.environ.items() if re.search("INDEX|REGISTRY|PROXY", name.upper()))
    for ask in asks:
        if shutil.which(ask[0]):
            said += " " + subprocess.run(ask, check=False, capture_output=True, text=True).stdout
    return set(re.findall(r"(?:https?://(?:[^/@\s]*@)?|\b)((?:[a-z0-9-]+\.)+[a-z]{2,})", said))


def test_no_tracked_file_names_a_registry() -> None:
    hosts = {host for host in _registries() if not host.endswith((".toml", ".conf", ".txt"))}
    pattern = "|".join(sorted(map(re.escape, hosts))) or r"(?!)"
    assert _lines(pattern, _tracked()) == []


def test_every_script_can_be_run() -> None:
    scripts = [*(path for path in (ROOT / "scripts").iterdir() if path.is_file()), ROOT / ".ci" / "run"]
    assert [path.name for path in scripts if not _text(path).startswith("#!")] == []
    assert [path.name for path in scripts if path.suffix == "" and not os.access(path, os.X_OK)] == []


def test_the_changelog_tells_of_this_version() -> None:
    version = re.escape(PYPROJECT["project"]["version"])
    assert re.search(rf"^## \[?{version}\b", _text(ROOT / "CHANGELOG.md"), re.MULTILINE)
