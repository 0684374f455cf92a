"""Which clients there are: those of identity.yaml with what was changed at run time, and those made at run time."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace

from auth_server.identity.live import LiveIdentity
from auth_server.models import Client, Identity, Overlay
from auth_server.rules.rfc6749_client_auth import is_client_id
from auth_server.store.contract import Clients
from auth_server.strangers import Strangers

_LIFETIME = 5.0
_MOST = 10_000


class Directory:
    """Clients by id, from memory where that is young enough: a change counts on every replica within seconds."""

    def __init__(
        self,
        live: LiveIdentity,
        records: Clients,
        clock: Callable[[], float],
        strangers: Strangers | None = None,
    ) -> None:
        self._strangers = strangers
        self._live = live
        self._records = records
        self._clock = clock
        self._overlays: Mapping[str, Overlay] = {}
        self._composed_of: tuple[Identity, Mapping[str, Overlay]] | None = None
        self._declared: Mapping[str, Client] = {}
        self._ordinary: Mapping[str, Client] = {}
        self._workloads: Mapping[tuple[str, str], Client] = {}
        self._seen: OrderedDict[str, tuple[Client, float]] = OrderedDict()

    @property
    def identity(self) -> Identity:
        """What identity.yaml says now."""
        return self._live.current

    async def refresh(self) -> None:
        """Take over what changed in the file and in the store. Raises StateUnavailable."""
        self._live.refresh()
        self._overlays = await self._records.overlays()

    async def find(self, client_id: str) -> Client | None:
        """The client as it counts now; identity.yaml wins over a client made at run time. Raises StateUnavailable.

        Whatever a request says may be asked for: what can be no client id is nobody's. Raises InvalidClient for the
        URL of a metadata document that does not count, and says why.
        """
        if self._strangers is not None and self._strangers.knows(client_id):
            return await self._strangers.find(client_id)
        return await self._ours(client_id) if is_client_id(client_id) else None

    def _is_ours(self, client_id: str) -> bool:
        return is_client_id(client_id) and (self._strangers is None or not self._strangers.knows(client_id))

    def remembered(self, client_id: str) -> Client | None:
        """The client as `find` has it, where that takes no look into a store; else None."""
        self._compose()
        declared = self._ordinary.get(client_id)
        return declared or (self._young(client_id) if self._is_ours(client_id) else None)

    def _young(self, client_id: str) -> Client | None:
        seen = self._seen.get(client_id)
        return seen[0] if seen is not None and 0 <= self._clock() - seen[1] < _LIFETIME else None

    async def _ours(self, client_id: str) -> Client | None:
        self._compose()
        declared = self._declared.get(client_id)
        if declared is not None:
            return declared
        return self._young(client_id) or await self.find_anew(client_id)

    async def find_anew(self, client_id: str) -> Client | None:
        """The same, from the store itself where the client was made at run time. Raises StateUnavailable."""
        self._compose()
        if client_id in self._declared:
            self._overlays = await self._records.overlays()
            self._compose()
            return self._declared.get(client_id)
        client = await self._records.find(client_id)
        self._seen.pop(client_id, None)
        if client is not None:
            self._seen[client_id] = (client, self._clock())
            if len(self._seen) > _MOST:
                self._seen.popitem(last=False)
        return client

    def workload(self, issuer: str, subject: str) -> Client | None:
        """The client that a trusted issuer's subject stands for."""
        self._compose()
        return self._workloads.get((issuer, subject))

    def _compose(self) -> None:
        now = (self._live.current, self._overlays)
        before = self._composed_of
        if before is not None and before[0] is now[0] and before[1] is now[1]:
            return
        self._composed_of = now
        clients = self._live.current.clients
        self._declared = {name: laid_over(client, self._overlays.get(name)) for name, client in clients.items()}
        self._ordinary = {name: client for name, client in self._declared.items() if self._is_ours(name)}
        named = [client for client in self._declared.values() if client.workload]
        self._workloads = {(of.issuer, of.subject): client for client in named if (of := client.workload)}


def laid_over(client: Client, overlay: Overlay | None) -> Client:
    """A client of identity.yaml with what was changed about it at run time."""
    if overlay is None:
        return client
    return replace(
        client,
        secret_hashes=overlay.secret_hashes,
        retired_hashes=overlay.retired_hashes,
        disabled=client.disabled or overlay.disabled,
    )
