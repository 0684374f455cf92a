"""Clients whose id is the URL of their metadata document: fetched when needed, kept as HTTP allows, never a failure."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from auth_server.errors import InvalidClient, TooManyRegistrations
from auth_server.fetch.guarded import Fetcher
from auth_server.fetch.location import FetchRefused
from auth_server.jose import check_public
from auth_server.models import Client, DocumentPolicy
from auth_server.pace import Pace
from auth_server.rules.cimd_client_document import check_document, check_trusted, host_of
from auth_server.rules.rfc9111_freshness import lifetime

_MOST = 1000
_PER_HOST = 60
_WINDOW = 60.0


class Documents:
    """One fetch at a time for each URL; a host is not asked more than sixty times a minute, whoever names it."""

    def __init__(self, fetcher: Fetcher, policy: Callable[[], DocumentPolicy], clock: Callable[[], float]) -> None:
        self._fetcher = fetcher
        self._policy = policy
        self._clock = clock
        self._pace = Pace(_PER_HOST, _WINDOW, clock)
        self._kept: OrderedDict[str, tuple[Client, float]] = OrderedDict()
        self._flights: dict[str, asyncio.Task[Client]] = {}

    async def find(self, url: str) -> Client:
        """The client. Raises InvalidClient: no such URL may be an id, is not trusted, or its document is no good."""
        host = host_of(url, loopback=self._fetcher.loopback)
        check_trusted(host, self._policy())
        kept = self._kept.get(url)
        if kept is not None and self._clock() < kept[1]:
            return kept[0]
        if url not in self._flights:
            if not self._pace.allows(host):
                raise TooManyRegistrations("documents of this host are asked for too often: wait", detail=host)
            flight = asyncio.create_task(self._fetched(url))
            self._flights[url] = flight
            flight.add_done_callback(lambda done: self._landed(url, done))
        # Shielded: whoever came first may go away, the others still wait for it.
        return await asyncio.shield(self._flights[url])

    def _landed(self, url: str, done: asyncio.Task[Client]) -> None:
        del self._flights[url]
        if not done.cancelled():
            done.exception()  # looked at: nobody may be waiting any more

    async def _fetched(self, url: str) -> Client:
        self._kept.pop(url, None)
        try:
            fetched = await self._fetcher.get(url)
        except FetchRefused as refused:
            # Why is for the log alone: it could tell a stranger what this server can reach.
            raise InvalidClient("the client's metadata document cannot be had", detail=str(refused)) from None
        client = check_document(fetched.body, url)
        _check_keys(client)
        self._kept[url] = (client, self._clock() + lifetime(fetched.headers))
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return client


def _check_keys(client: Client) -> None:
    for key in client.jwks:
        try:
            check_public(key)
        except ValueError as error:
            raise InvalidClient(f"the client's metadata document: jwks: {error}", detail="document") from None
