"""What every administrative command does first: find the authorization server's store and what identity.yaml says."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from auth_server.admin import AdminError, Identity, IdentityError, KeyEncryptionKeyError, load_identity
from cli.authority import authority
from cli.errors import Failure
from cli.settings import Mode, Settings
from sidecar.secrets import Secrets
from sidecar.state import State

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Office:
    """What an operator works with."""

    state: State
    secrets: Secrets
    identity: Identity


def administer(settings: Settings, asked: Mode | None, work: Callable[[Office], Awaitable[_T]]) -> _T:
    """Do it over the authorization server's own store, wherever that is now. Raises Failure."""
    return asyncio.run(administer_async(settings, asked, work))


async def administer_async(settings: Settings, asked: Mode | None, work: Callable[[Office], Awaitable[_T]]) -> _T:
    """The same, in an event loop that runs already."""
    try:
        identity = load_identity(settings.identity)
        async with authority(settings, asked) as opened:
            return await work(Office(state=opened.state, secrets=opened.secrets, identity=identity))
    except (AdminError, IdentityError, KeyEncryptionKeyError) as error:
        raise Failure(str(error)) from error
