"""`daca up`: everything, or the named apps, until Ctrl-C."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer

from cli import screen
from cli.logs import PrefixedLog
from cli.options import AsJson, Data, Embedded, Identity, Sidecars, mode_of, settings_of
from cli.plan import AUTH_SERVER
from cli.system import System, prepare, running

_Apps = Annotated[list[str] | None, typer.Argument(metavar="[APP]...", help="Only these apps; all when none is named.")]


def up(
    context: typer.Context,
    apps: _Apps = None,
    embedded: Embedded = False,
    sidecars: Sidecars = False,
    identity: Identity = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Start the system, show when each part is ready, and end all of it on Ctrl-C.

    Logs go to stderr. With --json, one line on stdout tells programs when everything is ready and where.
    """
    settings = settings_of(context, data, identity)
    system = prepare(apps or [], settings, mode_of(embedded=embedded, sidecars=sidecars))
    until_signal(lambda: _serve(system, as_json=as_json))


async def _serve(system: System, *, as_json: bool) -> None:
    log = PrefixedLog(screen.stderr(), system.labels)
    log.note(f"{system.mode} mode: {system.reason}")
    async with running(system, log):
        _announce(system, as_json=as_json)
        await asyncio.Event().wait()


def until_signal(work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    """Run until done, or until SIGINT, SIGTERM or SIGHUP asks it to end: then False. Later signals change nothing."""

    async def cancellable() -> bool:
        task = asyncio.create_task(work())
        loop = asyncio.get_running_loop()
        asked = asyncio.Event()

        def ask() -> None:
            if not asked.is_set():
                asked.set()
                task.cancel()

        for number in _asking():
            loop.add_signal_handler(number, ask)
        try:
            await task
        except asyncio.CancelledError:
            if not asked.is_set():
                raise
        return not asked.is_set()

    return asyncio.run(cancellable())


def _asking() -> list[signal.Signals]:
    """Signals that ask for an end; `nohup` has asked that a hang-up shall not."""
    hung_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hung_up]


def _announce(system: System, *, as_json: bool) -> None:
    if as_json:
        screen.print_json(system.described())
        return
    console = screen.stdout()
    console.print(f"\nready ({system.mode}), data in {system.settings.data}", style="bold", markup=False)
    for app in system.plan.apps:
        console.print(f"  {app.name:<12} {app.url}", markup=False)
    if system.plan.has(AUTH_SERVER):
        console.print(f"  {'people':<12} {system.plan.issuer}/sign-in (daca user add NAME)", markup=False)
    if sys.stdout.isatty():
        console.print("Ctrl-C ends all of it\n", style="dim")
