"""What a running authorization server is made of, and how it keeps up with what others change."""

from asyncio import sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from auth_server.authentication import Authentication
from auth_server.directory import Directory
from auth_server.documents import Documents
from auth_server.fetch.guarded import Fetcher
from auth_server.identity.live import LiveIdentity
from auth_server.issuer_keys import Http, IssuerKeys
from auth_server.keys import Keys
from auth_server.newcomers import NewcomerBook
from auth_server.passwords import Passwords
from auth_server.registrations import Applications
from auth_server.sealing import KeyEncryptionKeyError, read_sealer
from auth_server.secret_book import SecretBook
from auth_server.settings import Settings
from auth_server.store.asked import AskedRecords
from auth_server.store.clients import ClientRecords
from auth_server.store.devices import DeviceRecords
from auth_server.store.errands import ErrandRecords, NewcomerRecords
from auth_server.store.interactions import InteractionRecords
from auth_server.store.permissions import PermissionRecords
from auth_server.store.records import InvitationRecords, RingRecords, SpentRecords
from auth_server.store.registrations import RegistrationRecords
from auth_server.store.sessions import SessionRecords
from auth_server.store.users import UserRecords
from auth_server.strangers import Strangers
from auth_server.upstream import UpstreamClient
from auth_server.user_book import UserBook
from sidecar.connect import Sidecar
from sidecar.secrets import SecretsUnavailable
from sidecar.state import StateUnavailable

_LOG: structlog.typing.FilteringBoundLogger = structlog.get_logger("auth_server")
Clock = Callable[[], float]
Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that lives as long as the process."""

    directory: Directory
    secrets: SecretBook
    keys: Keys
    authentication: Authentication
    issuer_keys: IssuerKeys
    clients: ClientRecords
    spent: SpentRecords
    invitations: InvitationRecords
    applications: Applications
    anyone_registers: bool
    users: UserBook
    newcomers: NewcomerBook
    upstream: UpstreamClient
    errands: ErrandRecords
    devices: DeviceRecords
    interactions: InteractionRecords
    sessions: SessionRecords
    permissions: PermissionRecords
    asked: AskedRecords

    async def refresh(self) -> None:
        """Agree with file, stores and other replicas. Raises StateUnavailable, SecretsUnavailable."""
        await self.directory.refresh()
        await self.secrets.read_all(self.directory.identity.clients.values())
        await self.keys.refresh()

    async def keep_fresh(self, pause: Callable[[], Awaitable[None]]) -> None:
        """Agree again after each pause; when that fails, what was known before goes on counting."""
        while True:
            await pause()
            try:
                await self.refresh()
            except (StateUnavailable, SecretsUnavailable, KeyEncryptionKeyError) as error:
                _LOG.error("cannot refresh, what was known before still counts", why=str(error))
            except Exception:  # noqa: BLE001  a poll that ends in silence would leave this replica behind for good
                _LOG.exception("cannot refresh, what was known before still counts")


async def open_parts(settings: Settings, sidecar: Sidecar, *, http: Http, clock: Clock, pause: Pause = sleep) -> Parts:
    """Ready to serve. Raises IdentityError, KeyEncryptionKeyError, StateUnavailable, SecretsUnavailable."""
    clients, spent = ClientRecords(sidecar.state), SpentRecords(sidecar.state)
    live, applications = LiveIdentity(settings.identity), Applications(RegistrationRecords(sidecar.state, clock), clock)
    documents = Documents(Fetcher(loopback=settings.fetch_loopback), lambda: live.current.documents, clock)
    directory = Directory(live, clients, clock, Strangers(documents=documents, applications=applications))
    secrets, issuer_keys = SecretBook(sidecar.secrets), IssuerKeys(http, clock)
    users = UserBook(lambda: directory.identity, UserRecords(sidecar.state), sidecar.secrets, Passwords())
    parts = Parts(
        directory=directory,
        secrets=secrets,
        keys=Keys(RingRecords(sidecar.state), await read_sealer(sidecar.secrets), clock),
        authentication=Authentication(
            issuer=settings.issuer,
            directory=directory,
            secrets=secrets,
            issuer_keys=issuer_keys,
            spent=spent,
            callers=sidecar.callers,
            clock=clock,
            pause=pause,
        ),
        issuer_keys=issuer_keys,
        clients=clients,
        spent=spent,
        invitations=InvitationRecords(sidecar.state),
        applications=applications,
        anyone_registers=settings.registration == "open",
        users=users,
        newcomers=NewcomerBook(lambda: directory.identity, NewcomerRecords(sidecar.state), users),
        upstream=UpstreamClient(settings.issuer, sidecar.secrets, issuer_keys, clock),
        errands=ErrandRecords(sidecar.state, clock),
        devices=DeviceRecords(sidecar.state),
        interactions=InteractionRecords(sidecar.state, clock),
        sessions=SessionRecords(sidecar.state, clock),
        permissions=PermissionRecords(sidecar.state, clock),
        asked=AskedRecords(sidecar.state, clock),
    )
    await parts.refresh()
    return parts
