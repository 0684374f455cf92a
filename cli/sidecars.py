"""The daprd beside each app: its ports, tokens and resources, chosen for one run."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cli.declared import Declared
from cli.errors import Failure
from cli.plan import AUTH_SERVER, App, Kind, Plan
from cli.ports import pick
from cli.programs import Program
from cli.runfile import RunningSidecar
from cli.settings import Settings
from sidecar.components import APIS, Access, render, render_configuration
from sidecar.daprd import DaprdSpec, app_environ, command, has_sqlite_resolver

_COMPONENTS: Final = Path(__file__).resolve().parent.parent / "components"
_PORTS_EACH: Final = 4
_LEVELS: Final = {"warning": "warn", "critical": "fatal"}
_GRACE: Final = ("--dapr-graceful-shutdown-seconds", "1")
_KIND_OF_ACCESS: Final[Mapping[Kind, str]] = {"issuer": "auth-server", "resource": "mcp", "agent": "agent"}


@dataclass(frozen=True, kw_only=True)
class Sidecars:
    """One for each app of a plan."""

    specs: Mapping[str, DaprdSpec]
    programs: tuple[Program, ...]

    def told(self, name: str) -> dict[str, str]:
        """What an app is told about its sidecar."""
        return app_environ(self.specs[name])

    def running(self, name: str, pid: int) -> RunningSidecar:
        """For the run file."""
        own = self.specs[name]
        return RunningSidecar(pid=pid, http_port=own.http_port, api_token=own.api_token)


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Where the sidecars of one run have their files."""

    data: Path
    own: Path

    @property
    def state(self) -> Path:
        """Kept from run to run."""
        return self.data / "dapr-state.db"

    @property
    def resources(self) -> Path:
        """The components, filled in."""
        return self.own / "components"

    @property
    def names(self) -> Path:
        """Who is where; of one run only."""
        return self.own / "names.db"


def arrange(plan: Plan, declared: Declared, settings: Settings, daprd: Path) -> Sidecars:
    """Choose ports and tokens, and write the Dapr resources into the data folder. Raises Failure."""
    folder = Folder(data=settings.data, own=settings.data / "dapr")
    _write_components(folder, settings, plan.apps)
    ports = pick(_PORTS_EACH * len(plan.apps), taken=plan.ports.values())
    specs = {
        app.name: _spec(
            app.name, app.port, ports[_PORTS_EACH * at :], folder, config=_configure(app, declared, folder, daprd)
        )
        for at, app in enumerate(plan.apps)
    }
    programs = tuple(_program(spec, daprd, settings) for spec in specs.values())
    return Sidecars(specs=specs, programs=programs)


def arrange_alone(declared: Declared, settings: Settings, daprd: Path, own: Path) -> tuple[DaprdSpec, Program]:
    """The authorization server's sidecar without the app, for a command while nothing runs. Its files are in `own`."""
    folder = Folder(data=settings.data, own=own)
    _write_components(folder, settings, ())
    config = _write_configuration(AUTH_SERVER, access_of("issuer", AUTH_SERVER, declared), folder, daprd)
    spec = _spec(AUTH_SERVER, None, pick(_PORTS_EACH), folder, config=config)
    return spec, _program(spec, daprd, settings)


def access_of(kind: Kind, name: str, declared: Declared) -> Access:
    """What one app may ask of its sidecar: the authorization server knows every client's secret, an agent its own."""
    allowed = {
        "issuer": ("auth-server-kek", *declared.secrets.values()),
        "agent": (declared.secrets.get(name, f"client-{name}"),),
        "resource": (),
    }
    return Access(apis=APIS[_KIND_OF_ACCESS[kind]], secrets=allowed[kind])


def _write_components(folder: Folder, settings: Settings, apps: Sequence[App]) -> None:
    if not _COMPONENTS.is_dir():
        raise Failure(f"sidecars need the folder components of the repository, and {_COMPONENTS} is not there")
    folder.own.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.own.glob("names.db*"):
        left.unlink()
    # A component is loaded by the apps that it names: those that keep state, those that prove themselves by a secret.
    values = {
        "state_file": str(folder.state),
        "secrets_file": str(settings.secrets_file),
        "state_apps": _with_issuer(app.name for app in apps if app.keeps_state),
        "secret_apps": _with_issuer(app.name for app in apps if app.kind == "agent"),
    }
    render(_COMPONENTS, folder.resources, values)


def _with_issuer(names: Iterable[str]) -> list[str]:
    """The authorization server has both stores, and may run alone."""
    return list(dict.fromkeys((AUTH_SERVER, *names)))


def _configure(app: App, declared: Declared, folder: Folder, daprd: Path) -> Path:
    return _write_configuration(app.name, access_of(app.kind, app.name, declared), folder, daprd)


def _write_configuration(name: str, access: Access, folder: Folder, daprd: Path) -> Path:
    return render_configuration(
        _COMPONENTS / "config",
        folder.own / "config" / f"{name}.yaml",
        access=access,
        names=folder.names,
        resolver="sqlite" if has_sqlite_resolver(daprd) else "mdns",
    )


def _spec(name: str, app_port: int | None, ports: Sequence[int], folder: Folder, *, config: Path) -> DaprdSpec:
    http_port, grpc_port, internal_port, metrics_port = ports[:_PORTS_EACH]
    return DaprdSpec(
        app_id=name,
        app_port=app_port,
        http_port=http_port,
        grpc_port=grpc_port,
        internal_port=internal_port,
        metrics_port=metrics_port,
        resources=folder.resources,
        config=config,
        api_token=secrets.token_urlsafe(32),
        app_token=secrets.token_urlsafe(32),
    )


def _program(spec: DaprdSpec, daprd: Path, settings: Settings) -> Program:
    level = settings.environ.get("DACA_LOG_LEVEL", "info").lower()
    argv, added = command(daprd, replace(spec, log_level=_LEVELS.get(level, level)))
    health = "healthz" if spec.app_port else "healthz/outbound"
    return Program(
        name=spec.app_id,
        role="sidecar",
        argv=(*argv, *_GRACE),
        health=f"http://127.0.0.1:{spec.http_port}/v1.0/{health}",
        environ={**settings.environ, **added},
    )
