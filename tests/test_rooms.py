"""Who may import whom: every import of every source file, against the table below."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("auth_server", "resource_server", "oauth_client", "mcp_server", "daca_agents", "sidecar", "cli")
ANY = ("*",)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What the files under a path may import; patterns are of dotted names, the first layer that fits counts."""

    files: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...] = ()


def _within(room: str, *parts: str) -> tuple[str, ...]:
    return tuple(f"{room}.{part}{deeper}" for part in parts for deeper in ("", ".*"))


def _rooms(*rooms: str) -> tuple[str, ...]:
    return tuple(f"{room}{deeper}" for room in rooms for deeper in ("", ".*"))


AS = "auth_server"
LAYERS = (
    # The one rule that borrows a parser: it reads every message at a door, and holds what it read against the text.
    Layer(
        files="resource_server/rules/rfc7493_json.py",
        ours=_within("resource_server", "errors"),
        theirs=_rooms("orjson"),
    ),
    *(
        # a rule may lean on another rule of its room: that is as pure as itself
        Layer(
            files=f"{room}/rules/*.py",
            ours=_within(room, "errors", "ciba_errors", "models", "people", "asked", "rules"),
        )
        for room in (AS, "resource_server", "oauth_client")
    ),
    Layer(
        files=f"{AS}/store/*.py",
        ours=(*_within(AS, "models", "people", "asked", "store"), *_rooms("sidecar")),
        theirs=_rooms("pydantic"),  # records come back from outside
    ),
    Layer(
        files=f"{AS}/grants/*.py",
        ours=(
            *_within(AS, "grants", "rules", "store.contract", "form", "hashing", "errors", "models", "people"),
            *_within(AS, "asked", "ciba_errors", "store.asked_contract"),
        ),
    ),
    Layer(
        files=f"{AS}/endpoints/*.py",
        # keys too: a token is signed last, when every check is done; and the pages that people see
        ours=(
            *_within(AS, "endpoints", "grants", "rules", "store.contract", "form", "hashing", "errors", "models"),
            *_within(AS, "people", "keys", "rendering", "store.upstream_contract"),
            *_within(AS, "asked", "ciba_errors", "store.asked_contract"),
        ),
        theirs=_rooms("starlette", "orjson"),  # wire.py writes every answer
    ),
    Layer(files=f"{AS}/*.py", ours=_rooms(AS, "sidecar"), theirs=ANY),
    # The MCP SDK's own protocol for a verifier: one file offers itself as that, the door does without.
    Layer(
        files="resource_server/verifier.py",
        ours=_rooms("resource_server"),
        theirs=_rooms("starlette", "jwt", "httpx2", "cryptography", "mcp"),
    ),
    Layer(
        files="resource_server/*.py",
        ours=_rooms("resource_server"),
        theirs=_rooms("starlette", "jwt", "httpx2", "cryptography"),  # what PyJWT makes of a key is cryptography's
    ),
    Layer(files="oauth_client/*.py", ours=_rooms("oauth_client"), theirs=_rooms("httpx2", "joserfc", "authlib")),
    Layer(files="mcp_server/*.py", ours=_rooms("mcp_server", "resource_server", "sidecar"), theirs=ANY),
    Layer(
        files="agents/daca_agents/*.py",
        ours=_rooms("daca_agents", "resource_server", "oauth_client", "sidecar"),
        theirs=ANY,
    ),
    Layer(
        files="sidecar/process.py",
        ours=_rooms("sidecar"),
        theirs=_rooms("uvicorn", "uvloop", "structlog", "starlette"),
    ),
    Layer(files="sidecar/logs.py", ours=_rooms("sidecar"), theirs=_rooms("structlog", "orjson")),
    Layer(files="sidecar/metrics.py", ours=_rooms("sidecar"), theirs=_rooms("prometheus_client")),
    Layer(files="sidecar/spans.py", ours=_rooms("sidecar"), theirs=_rooms("opentelemetry", "httpx2")),
    Layer(files="sidecar/at_once.py", ours=_rooms("sidecar"), theirs=_rooms("uvicorn")),
    Layer(files="sidecar/*.py", ours=_rooms("sidecar"), theirs=_rooms("httpx", "httpx2", "dapr", "structlog")),
    Layer(
        files="cli/*.py",
        ours=(
            *_rooms("cli", "oauth_client", "sidecar"),
            *("auth_server", "auth_server.admin", "resource_server", "mcp_server", "daca_agents"),
            *("daca_agents.bridge", "daca_agents.reply"),  # how any program talks to agents
        ),
        theirs=ANY,
    ),
)

# What no layer's `theirs` may let in: whoever issues does not verify with the same library, and only one room
# talks to Dapr.
NEVER = {
    "auth_server": ("jwt", "mcp", "dapr", "httpx"),
    "resource_server": ("joserfc", "authlib", "dapr"),
    "oauth_client": ("jwt", "mcp", "dapr"),
    "mcp_server": ("jwt", "joserfc", "authlib", "dapr"),
    "daca_agents": ("jwt", "joserfc", "authlib", "dapr"),
    "cli": ("dapr",),
    "sidecar": (),
}

# Of the standard library, what a pure rule has no use for: HTTP, a clock, randomness, settings, the machine.
IMPURE = {
    *("asyncio", "http", "socket", "ssl", "urllib.request", "urllib.error"),
    *("time", "random", "secrets", "uuid"),
    *("os", "sys", "pathlib", "io", "tempfile", "subprocess", "threading", "logging", "sqlite3"),
}
READS_ENVIRONMENT = ("*/app.py", "*/__main__.py", "*/settings.py", "cli/*.py", "sidecar/process.py", "sidecar/drain.py")


def sources() -> list[str]:
    found = [path for room in (*ROOMS, "agents") for path in (ROOT / room).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def _tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


def _room(file: str) -> str:
    first, second, *_ = file.split("/")
    return second if first == "agents" else first


def _imports(file: str) -> Iterator[str]:
    """Dotted names of what a file imports; `from a import b` counts as a.b where a is ours and b may be a module."""
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                package = Path(file).parts[1 if file.startswith("agents/") else 0 : -node.level]
                yield ".".join([*package, *(node.module or "").split(".")]).rstrip(".")
            else:
                yield from _from(node)


def _from(node: ast.ImportFrom) -> Iterator[str]:
    module = node.module or ""
    folder = ROOT / ("agents" if module.startswith("daca_agents") else "") / module.replace(".", "/")
    for alias in node.names:
        deeper = (folder / f"{alias.name}.py").exists() or (folder / alias.name).is_dir()
        yield f"{module}.{alias.name}" if deeper else module


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _stranger(file: str, name: str, layer: Layer) -> bool:
    top = name.partition(".")[0]
    if top in ROOMS:
        return not _fits(name, layer.ours)
    if top in sys.stdlib_module_names:
        return "/rules/" in file and (name in IMPURE or top in IMPURE)
    return not _fits(name, layer.theirs) or top in NEVER[_room(file)]


def _layer(file: str) -> Layer:
    return next(layer for layer in LAYERS if fnmatch(file, layer.files))


def _asked(files: list[str], names: set[str]) -> list[str]:
    attributes = [(file, node) for file in files for node in ast.walk(_tree(file)) if isinstance(node, ast.Attribute)]
    return [f"{file}:{node.lineno} asks {node.attr}" for file, node in attributes if node.attr in names]


def test_every_file_imports_only_what_its_room_may() -> None:
    strangers = {
        f"{file} imports {name}" for file in sources() for name in _imports(file) if _stranger(file, name, _layer(file))
    }
    assert sorted(strangers) == []


def test_no_rule_asks_a_clock() -> None:
    assert _asked([file for file in sources() if "/rules/" in file], {"now", "utcnow", "today"}) == []


def test_only_an_app_or_the_command_line_reads_the_environment() -> None:
    assert _asked([file for file in sources() if not _fits(file, READS_ENVIRONMENT)], {"environ", "getenv"}) == []


@pytest.mark.parametrize(
    ("file", "name", "stranger"),
    [
        ("auth_server/rules/rfc8707_resource.py", "auth_server.errors", False),
        ("auth_server/rules/rfc8707_resource.py", "urllib.parse", False),
        ("auth_server/rules/rfc8707_resource.py", "urllib.request", True),
        ("auth_server/rules/rfc8707_resource.py", "time", True),
        ("auth_server/rules/rfc8707_resource.py", "auth_server.settings", True),
        ("auth_server/rules/rfc8707_resource.py", "pydantic", True),
        ("auth_server/grants/refresh_token.py", "auth_server.store.records", True),
        ("auth_server/endpoints/token.py", "auth_server.store.contract", False),
        ("auth_server/endpoints/token.py", "auth_server.store", True),
        ("auth_server/keys.py", "jwt", True),
        ("auth_server/keys.py", "resource_server.keys", True),
        ("resource_server/keys.py", "joserfc.jwk", True),
        ("resource_server/guard.py", "mcp.server", True),
        ("resource_server/verifier.py", "mcp.server", False),
        ("agents/daca_agents/agent.py", "mcp_server", True),
        ("agents/daca_agents/agent.py", "agents", False),
        ("sidecar/state.py", "auth_server", True),
        ("sidecar/state.py", "uvicorn", True),
        ("sidecar/process.py", "uvicorn", False),
        ("cli/keys.py", "auth_server.admin", False),
        ("cli/keys.py", "auth_server.rules.rfc6749_scope", True),
        ("cli/keys.py", "auth_server.store.records", True),
    ],
)
def test_the_table_knows_a_stranger(file: str, name: str, stranger: bool) -> None:  # noqa: FBT001 - a case's column
    assert _stranger(file, name, _layer(file)) is stranger
