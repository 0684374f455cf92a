"""Which processes a system is made of: pure, from names and canonical URLs to commands, ports and environments."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from cli.declared import Declared
from cli.errors import Failure, Usage
from cli.settings import Settings

Kind: TypeAlias = Literal["issuer", "resource", "agent"]

AUTH_SERVER: Final = "auth-server"


@dataclass(frozen=True, kw_only=True)
class Known:
    """A kind of app that can be run: its module and arguments, and the port it has when its URL says none."""

    kind: Kind
    module: tuple[str, ...]
    port: int
    keeps_state: bool = True


KNOWN: Final[Mapping[str, Known]] = {
    AUTH_SERVER: Known(kind="issuer", module=("auth_server",), port=9000),
    "notes": Known(kind="resource", module=("mcp_server", "notes"), port=8000),
    "clock": Known(kind="resource", module=("mcp_server", "clock"), port=8001, keeps_state=False),
}
"""The apps that are no agents. An agent is known by its profile (`cli/profiles.py`)."""


@dataclass(frozen=True, kw_only=True)
class App:
    """One app to run: its app-id, its canonical URL, and where it listens."""

    name: str
    kind: Kind
    module: tuple[str, ...]
    url: str
    host: str
    port: int
    keeps_state: bool = True

    @property
    def health(self) -> str:
        """Where it says that it can serve."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{_reachable(host)}:{self.port}/healthz"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything one `daca up` runs."""

    issuer: str
    apps: tuple[App, ...]
    routes: Mapping[str, str]

    def of(self, kind: Kind) -> dict[str, str]:
        """Canonical URLs by name."""
        return {app.name: app.url for app in self.apps if app.kind == kind}

    @property
    def ports(self) -> dict[str, int]:
        """The port each app needs."""
        return {app.name: app.port for app in self.apps}

    def has(self, name: str) -> bool:
        """Whether the app is part of this run."""
        return any(app.name == name for app in self.apps)


def make_plan(names: Sequence[str], declared: Declared, settings: Settings, agents: Mapping[str, int]) -> Plan:
    """The named apps, or every known one that identity.yaml declares; `agents` are those with a profile, and its port.

    Raises Usage, Failure.
    """
    known = known_apps(agents)
    urls = urls_of(declared, settings, known)
    return Plan(
        issuer=settings.issuer,
        apps=tuple(_app(name, known[name], urls[name], settings) for name in _chosen(names, urls, known)),
        routes={_origin(url): name for name, url in urls.items()},
    )


def known_apps(agents: Mapping[str, int]) -> dict[str, Known]:
    """What can be run: ours, and every agent that has a profile."""
    profiled = {name: Known(kind="agent", module=("daca_agents", name), port=port) for name, port in agents.items()}
    return {**profiled, **KNOWN}


def urls_of(declared: Declared, settings: Settings, known: Collection[str]) -> dict[str, str]:
    """The canonical URL of each known app that identity.yaml declares, in its order."""
    resources = {name: uri for name, uri in declared.resources.items() if name in known and name != AUTH_SERVER}
    return {AUTH_SERVER: settings.issuer, **resources}


def environment(app: App, plan: Plan, settings: Settings) -> dict[str, str]:
    """What one app's process is told, on top of what this process inherited."""
    told = {
        "DACA_ISSUER": plan.issuer,
        "DACA_DATA": str(settings.data),
        "DACA_IDENTITY": str(settings.identity),
        "DACA_HOST": app.host,
        "DACA_PORT": str(app.port),
        "DACA_ROUTES": json.dumps(dict(plan.routes)),
        "PYTHONUNBUFFERED": "1",
    }
    if app.kind != "issuer":
        told["DACA_RESOURCE"] = app.url
    first = settings.environ.get("DACA_METRICS_PORT", "")
    if first.isdecimal():  # one port each, in the order of the plan
        told["DACA_METRICS_PORT"] = str(int(first) + plan.apps.index(app))
    return {**settings.environ, **told}


def _chosen(names: Sequence[str], urls: Mapping[str, str], known: Mapping[str, Known]) -> list[str]:
    asked = [name.replace("_", "-") for name in names]
    for name in asked:
        if name not in known:
            there_are = ", ".join(sorted(known))
            raise Usage(f"there is no app {name}: choose from {there_are}; `daca agent new {name}` makes an agent")
        if name not in urls:
            raise Failure(f"the identity file declares no resource named {name}: add one, with its uri")
    return [name for name in urls if not asked or name in asked]


def _app(name: str, known: Known, url: str, settings: Settings) -> App:
    return App(
        name=name,
        kind=known.kind,
        module=known.module,
        url=url,
        host=settings.host,
        port=_port(name, url, known.port),
        keeps_state=known.keeps_state,
    )


def _port(name: str, url: str, usual: int) -> int:
    """A plain URL's own port; behind TLS something else has that port, and the app its usual one."""
    try:
        split = urlsplit(url)
        own = split.port
    except ValueError as error:
        raise Failure(f"the URL of {name}, {url}, has no valid port: {error}") from error
    if split.scheme not in {"http", "https"} or not split.hostname:
        raise Failure(f"the URL of {name}, {url}, must begin with http:// or https://")
    return usual if split.scheme == "https" else (own or 80)


def _origin(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}"


def _reachable(host: str) -> str:
    """Where this machine reaches what listens on `host`: a wildcard is no address to connect to."""
    return {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104  compared, not bound
