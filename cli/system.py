"""A whole system: everything is checked before anything starts, and what runs is written down for other commands."""

import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from auth_server.admin import IdentityError, load_identity
from cli.daprd import Choice, choose
from cli.declared import Declared, read_declared
from cli.errors import Failure
from cli.first_run import make_first_secrets
from cli.plan import AUTH_SERVER, App, Plan, environment, make_plan
from cli.ports import check_free
from cli.profiles import find_profiles, told_profiles, usual_ports
from cli.programs import Program
from cli.runfile import Running, RunningApp, already_running, read_running, sole_owner, write_running
from cli.settings import Mode, Settings
from cli.sidecars import Sidecars, arrange
from cli.store_mode import remember
from cli.supervisor import Log, Supervisor, supervised


@dataclass(frozen=True, kw_only=True)
class System:
    """What is about to run."""

    settings: Settings
    declared: Declared
    plan: Plan
    choice: Choice

    @property
    def mode(self) -> Mode:
        """With sidecars or without."""
        return self.choice.mode

    @property
    def reason(self) -> str:
        """Why this mode."""
        return self.choice.reason

    @property
    def labels(self) -> list[str]:
        """The names that its log lines will have."""
        names = [app.name for app in self.plan.apps]
        return [*names, *(f"{name} daprd" for name in names if self.mode == "sidecars")]

    def described(self) -> dict[str, Any]:
        """What programs read when everything is ready: docs/cli.md."""
        return {
            "issuer": self.plan.issuer,
            "resources": self.plan.of("resource"),
            "agents": self.plan.of("agent"),
            "data": str(self.settings.data),
            "mode": self.mode,
        }


def prepare(names: Sequence[str], settings: Settings, asked: Mode | None) -> System:
    """Check what can be checked before anything starts: the identity file, the ports, the sidecar. Raises Failure."""
    if now := read_running(settings.data):
        raise Failure(already_running(settings.data, now))
    declared = read_declared(settings.identity)
    plan = make_plan(names, declared, settings, usual_ports(find_profiles(settings)))
    if plan.has(AUTH_SERVER):
        _check_identity(settings)
    check_free(plan.ports, settings.host)
    return System(settings=settings, declared=declared, plan=plan, choice=choose(asked, settings.environ))


def _check_identity(settings: Settings) -> None:
    """The whole file as the authorization server will read it: what is wrong is told before anything starts."""
    try:
        load_identity(settings.identity)
    except IdentityError as error:
        raise Failure(str(error)) from error


@asynccontextmanager
async def running(system: System, log: Log) -> AsyncGenerator[Supervisor]:
    """The system, ready, for as long as the block runs; none of it stays behind. Raises Failure."""
    settings = system.settings
    with sole_owner(settings.data):
        remember(settings.data, system.mode)
        if system.plan.has(AUTH_SERVER):
            make_first_secrets(system.declared, settings)
        sidecars = _sidecars(system)
        programs = _programs(system, sidecars, told_profiles(system.plan, system.declared, settings))

        def write_down(supervisor: Supervisor) -> None:
            write_running(settings.data, _running(system, sidecars, supervisor))

        async with supervised(programs, log, on_change=write_down) as supervisor:
            yield supervisor


def _sidecars(system: System) -> Sidecars | None:
    daprd = system.choice.daprd
    return arrange(system.plan, system.declared, system.settings, daprd) if daprd else None


def _programs(system: System, sidecars: Sidecars | None, profiles: Mapping[str, str]) -> list[Program]:
    apps = [_app_program(app, system, sidecars, profiles) for app in system.plan.apps]
    return [*(sidecars.programs if sidecars else ()), *apps]


def _app_program(app: App, system: System, sidecars: Sidecars | None, profiles: Mapping[str, str]) -> Program:
    own = environment(app, system.plan, system.settings)
    by_sidecar = sidecars.told(app.name) if sidecars else {}
    return Program(
        name=app.name,
        role="app",
        argv=(sys.executable, "-m", *app.module),
        health=app.health,
        environ={**own, **by_sidecar, **(profiles if app.kind == "agent" else {})},
    )


def _running(system: System, sidecars: Sidecars | None, supervisor: Supervisor) -> Running:
    return Running(
        pid=os.getpid(),
        mode=system.mode,
        issuer=system.plan.issuer,
        identity=str(system.settings.identity),
        apps={
            app.name: RunningApp(
                pid=supervisor.pid(app.name, "app") or 0,
                port=app.port,
                url=app.url,
                sidecar=sidecars.running(app.name, supervisor.pid(app.name, "sidecar") or 0) if sidecars else None,
            )
            for app in system.plan.apps
        },
    )
