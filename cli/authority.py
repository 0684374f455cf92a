"""The authorization server's own state and secrets, for commands that look after its clients and keys."""

import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

from cli.daprd import choose
from cli.declared import read_declared
from cli.errors import Failure
from cli.first_run import make_first_secrets
from cli.plan import AUTH_SERVER
from cli.runfile import read_running
from cli.settings import Mode, Settings
from cli.sidecars import arrange_alone
from cli.store_mode import remember, remembered
from cli.supervisor import supervised
from sidecar.connect import Sidecar, connect
from sidecar.daprd import app_environ
from sidecar.secrets import SecretMissing, SecretsUnavailable
from sidecar.state import StateUnavailable

_NO_SIDECAR: Final[Mapping[str, str]] = {}


class _Silence:
    """A sidecar that lives for one command has nothing to say; if it fails, its last line is in the failure."""

    def line(self, label: str, text: str) -> None:
        """Not shown."""

    def note(self, text: str) -> None:
        """Not shown."""


@asynccontextmanager
async def authority(settings: Settings, asked: Mode | None) -> AsyncGenerator[Sidecar]:
    """As the server itself has them: in a pod, while it runs here, or while nothing runs. Raises Failure."""
    try:
        async with _opened(settings, asked) as opened:
            yield opened
    except (StateUnavailable, SecretsUnavailable, SecretMissing) as error:
        raise Failure(f"the authorization server's store cannot be used: {error}") from error


def _opened(settings: Settings, asked: Mode | None) -> AbstractAsyncContextManager[Sidecar]:
    if settings.dapr:
        return _connect(settings.dapr, settings)
    running = read_running(settings.data)
    own = running.apps.get(AUTH_SERVER) if running else None
    if own is None:
        return _while_stopped(settings, asked)
    if own.sidecar is None:
        return _connect(_NO_SIDECAR, settings)
    return _connect({"DAPR_HTTP_PORT": str(own.sidecar.http_port), "DAPR_API_TOKEN": own.sidecar.api_token}, settings)


@asynccontextmanager
async def _while_stopped(settings: Settings, asked: Mode | None) -> AsyncGenerator[Sidecar]:
    choice = choose(asked or remembered(settings.data), settings.environ)
    declared = read_declared(settings.identity)
    make_first_secrets(declared, settings)
    remember(settings.data, choice.mode)
    if choice.daprd is None:
        async with _connect(_NO_SIDECAR, settings) as opened:
            yield opened
        return
    with tempfile.TemporaryDirectory(prefix="daca-") as own:
        spec, program = arrange_alone(declared, settings, choice.daprd, Path(own))
        async with (
            supervised([program], _Silence(), on_change=lambda _: None),
            _connect(app_environ(spec), settings) as opened,
        ):
            yield opened


def _connect(environ: Mapping[str, str], settings: Settings) -> AbstractAsyncContextManager[Sidecar]:
    return connect(environ, app_id=AUTH_SERVER, data=settings.data, routes={})
