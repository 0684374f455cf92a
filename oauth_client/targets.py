"""Where tokens come from, per resource: discovered once, looked at again when a refusal says so."""

from collections import OrderedDict
from functools import partial

import httpx2

from oauth_client.discovery import find_challenge, find_resource, find_server
from oauth_client.egress import guarded_client
from oauth_client.errors import DiscoveryFailed, IssuerChanged
from oauth_client.flights import Flights
from oauth_client.models import ResourceMetadata, Target
from oauth_client.policy import Policy
from oauth_client.rules.rfc6749_token import GRANT
from oauth_client.rules.rfc9728_metadata import choose_issuers
from oauth_client.wire import Wire


class Targets:
    """Remembers, per resource, its metadata and its authorization server; and to whom the credentials belong.

    Without `http` it has a client of its own, which also judges the addresses that names lead to.
    """

    def __init__(self, http: httpx2.AsyncClient | None, policy: Policy, pinned: str | None, grant: str = GRANT) -> None:
        self._http = http or guarded_client(allow_private=policy.allow_private)
        self._owns_http = http is None
        self._policy = policy
        self._pinned = pinned
        self._grant = grant
        self._bound = pinned
        self._known: OrderedDict[str, Target] = OrderedDict()
        self._flights: Flights[tuple[str, str | None], Target] = Flights(policy.clock, policy.backoff)

    def known(self, resource: str) -> Target | None:
        """What is remembered of this resource, unless it is too old."""
        target = self._known.get(resource)
        if target is None or self._policy.clock() >= target.found_at + self._policy.metadata_age:
            return None
        return target

    async def find(self, resource: str, challenged: str | None = None, *, stale: Target | None = None) -> Target:
        """The target of a resource: remembered, or discovered when there is none but `stale`.

        Raises DiscoveryFailed, ResourceMismatch, IssuerMismatch, IssuerNotListed, IssuerChanged, AddressRefused,
        MethodNotOffered.
        """
        known = self.known(resource)
        if known is not None and known is not stale:
            return known
        return await self._flights.join((resource, challenged), partial(self._discover, resource, challenged))

    def bind(self, target: Target) -> None:
        """Before the credentials leave: to the issuer they belong to and no other. RFC 6749 §2.2; MCP C.

        Raises IssuerChanged.
        """
        issuer = target.server.issuer
        if self._bound is None or self._policy.rebind:
            self._bound = issuer
        if issuer != self._bound:
            raise IssuerChanged(self._bound, (issuer,), target.metadata.resource)

    def wire(self, resource: str) -> Wire:
        """What may be fetched on behalf of this resource."""
        return Wire(self._http, self._policy, resource)

    async def aclose(self) -> None:
        """Give up what is under way, and close the client that is its own."""
        await self._flights.aclose()
        if self._owns_http:
            await self._http.aclose()

    async def _discover(self, resource: str, challenged: str | None) -> Target:
        wire = self.wire(resource)
        metadata = await self._metadata(wire, resource, challenged)
        bound = None if self._policy.rebind else self._bound
        issuers = choose_issuers(metadata, pinned=self._pinned, bound=bound)
        server = await find_server(wire, issuers, metadata.where, self._grant)
        target = Target(metadata=metadata, server=server, found_at=self._policy.clock())
        self._known[resource] = target
        self._known.move_to_end(resource)
        while len(self._known) > self._policy.capacity:
            self._known.popitem(last=False)
        return target

    async def _metadata(self, wire: Wire, resource: str, challenged: str | None) -> ResourceMetadata:
        try:
            return await find_resource(wire, resource, challenged)
        except DiscoveryFailed:
            said = None if challenged else (await find_challenge(wire, resource)).resource_metadata
            if said is None:
                raise
        return await find_resource(wire, resource, said)
