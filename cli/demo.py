"""`daca demo`: the machine path and the chain of agents, told step by step as it happens."""

import os
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import httpx2
import typer
import yaml

from cli import screen
from cli.declared import Declared, read_declared
from cli.errors import Failure
from cli.logs import FileLog
from cli.options import AsJson, Data, Embedded, Identity, Sidecars, mode_of, settings_of
from cli.plan import known_apps, urls_of
from cli.ports import pick
from cli.profiles import find_profiles, usual_ports
from cli.runfile import read_running
from cli.settings import Mode, Settings
from cli.story.agent import ask_researcher
from cli.story.backdrop import courier_key, profiles_for_chain, read_courier
from cli.story.chain import ask_concierge, read_audit, sign_in
from cli.story.hops_refused import (
    refuse_depth,
    refuse_other_door,
    refuse_replay,
    refuse_unapproved,
    refuse_widening,
    refuse_writing,
)
from cli.story.identity import at_port, for_chain, for_story
from cli.story.path import find_issuer, find_resource, get_token, register, use_token, write_note
from cli.story.refusals import refuse_expired, refuse_missing_scope, refuse_tampered, refuse_wrong_audience
from cli.story.stage import Stage
from cli.story.teller import Teller
from cli.system import System, prepare, running
from cli.up import until_signal
from sidecar.connect import Sidecar, connect
from sidecar.secrets import SecretMissing, SecretsUnavailable

_STORY: Final = (
    find_resource,
    find_issuer,
    register,
    get_token,
    use_token,
    write_note,
    ask_researcher,
    refuse_wrong_audience,
    refuse_tampered,
    refuse_missing_scope,
    refuse_expired,
)
_SECOND_HALF: Final = (
    sign_in,
    ask_concierge,
    read_audit,
    refuse_writing,
    refuse_other_door,
    refuse_widening,
    refuse_replay,
    refuse_depth,
    refuse_unapproved,
)
_AGENTS: Final = frozenset({"concierge", "researcher", "scribe"})
_FreePorts = Annotated[bool, typer.Option("--free-ports", help="On any free ports, beside a system that runs already.")]


def demo(
    context: typer.Context,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    free_ports: _FreePorts = False,
    identity: Identity = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Start everything, walk the machine path 1→2→3→8→5 and the refusals of 6 and 7, and end everything.

    Then a person asks one agent, which asks two others in their name; and what is refused between agents.
    Every request is real. Exit code 1 when any outcome is not what it must be; the log stays in the data folder.
    """
    settings = settings_of(context, data, identity)
    asked = mode_of(embedded=embedded, sidecars=sidecars)
    teller = Teller(None if as_json else screen.stdout())
    log = _log_file(settings)
    with tempfile.TemporaryDirectory(prefix="daca-demo-") as folder:
        system = _prepare(settings, Path(folder), asked, free_ports=free_ports)
        if not until_signal(lambda: _tell(system, log, teller)):
            raise Failure("stopped before the end of the story; nothing is left running")
    if as_json:
        report = {"ok": teller.all_as_expected, "mode": system.mode, "steps": teller.report()}
        screen.print_json(report)
    if not teller.all_as_expected:
        raise Failure(f"not everything came as it must; the log is {log}")


def _prepare(settings: Settings, folder: Path, asked: Mode | None, *, free_ports: bool) -> System:
    """The user's identity in a folder of its own, so that a demonstration changes nothing that is there."""
    declared = read_declared(settings.identity)
    moved: Mapping[str, str] = _moved(settings, declared) if free_ports else {}
    told = for_story(yaml.safe_load(settings.identity.read_text(encoding="utf-8")), short_lived="clock", moved=moved)
    own = replace(settings, data=folder / "data", issuer=moved.get(settings.issuer, settings.issuer))
    if has_chain(declared):
        told = for_chain(told, courier_key(folder))
        own = replace(own, environ={**own.environ, "DACA_PROFILES": profiles_for_chain(own, folder)})
    own = replace(own, identity=folder / "identity.yaml")
    own.identity.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    try:
        return prepare([], own, asked)
    except Failure as failure:
        raise Failure(f"{failure}; or run this beside it: daca demo --free-ports") from failure


def has_chain(declared: Declared) -> bool:
    """Whether the three agents are there that the second half is about."""
    return declared.resources.keys() & declared.secrets.keys() >= _AGENTS


def _log_file(settings: Settings) -> Path:
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return settings.data / "demo.log"


def _moved(settings: Settings, declared: Declared) -> Mapping[str, str]:
    urls = urls_of(declared, settings, known_apps(usual_ports(find_profiles(settings))))
    return {url: at_port(url, port) for url, port in zip(urls.values(), pick(len(urls)), strict=True)}


async def _tell(system: System, log: Path, teller: Teller) -> None:
    teller.step("", f"Starting {', '.join(app.name for app in system.plan.apps)} ({system.mode}: {system.reason})")
    with log.open("w", encoding="utf-8") as file:
        async with running(system, FileLog(file)):
            teller.expect("all are ready", holds=True)
            async with _stage(system, log) as stage:
                for part in (*_STORY, *(_SECOND_HALF if has_chain(system.declared) else ())):
                    await part(stage, teller)
            pids = _pids(system)
            teller.step("", "Ending everything")
    left = [pid for pid in pids if _lives(pid)]
    teller.expect(f"none of {len(pids)} processes is left", holds=bool(pids) and not left, instead=f"{left} still run")


def _pids(system: System) -> list[int]:
    now = read_running(system.settings.data)
    apps = now.apps.values() if now else ()
    return [pid for app in apps for pid in (app.pid, app.sidecar.pid if app.sidecar else 0) if pid]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def _stage(system: System, log: Path) -> AsyncGenerator[Stage]:
    async with _as_researcher(system) as researcher, httpx2.AsyncClient(timeout=30, trust_env=False) as http:
        try:
            courier = read_courier(system.settings.identity.parent)
            stage = Stage(
                system=system, settings=system.settings, researcher=researcher, http=http, log=log, courier=courier
            )
            async with aclosing(stage):
                yield stage
        except (httpx2.HTTPError, SecretMissing, SecretsUnavailable) as error:
            raise Failure(f"the story stops here: {type(error).__name__}: {error}") from error


def _as_researcher(system: System) -> AbstractAsyncContextManager[Sidecar]:
    """Secrets as the agent `researcher` itself reads them: through its sidecar where there is one."""
    now = read_running(system.settings.data)
    own = now.apps["researcher"].sidecar if now else None
    environ = {"DAPR_HTTP_PORT": str(own.http_port), "DAPR_API_TOKEN": own.api_token} if own else {}
    return connect(environ, app_id="researcher", data=system.settings.data, routes={})
