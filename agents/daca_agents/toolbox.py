"""What an agent can do: its tool servers and its peers, for one caller or for itself, and never for both.

With a caller, every token is exchanged from the caller's and can do no more than that. The agent's own rights are for
work of its own: they are in an object apart, and nothing falls back to them.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import httpx2
from agents import RunContextWrapper

from daca_agents.cards import Acquaintance
from daca_agents.consent import Consent, is_person
from daca_agents.delegation import Sought, Standing
from daca_agents.peers import Peer
from daca_agents.profile import Profile
from daca_agents.refusals import ToolServerProblem
from daca_agents.shape import McpServerEntry, PeerEntry
from daca_agents.tool_server import ToolServer
from oauth_client import Backchannel, Exchanges, TokenAuth, Tokens, TokenSource
from resource_server import LISTS_ALL, Caller

_TIMEOUT = httpx2.Timeout(60, connect=5)
_CALLERS = 256
_SOON = 2.0

Failed = Callable[[RunContextWrapper[Any], ToolServerProblem], None]


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What can be used for one caller, or for the agent itself."""

    servers: Sequence[ToolServer] = ()
    peers: Sequence[Peer] = ()

    async def survey(self) -> list[ToolServerProblem]:
        """Ask one after the other what they offer; who could not be asked, and why.

        In the profile's order, so that the same run makes the same decisions in the same order; but whoever does not
        answer soon is not waited for before the next is asked.
        """
        asked: list[asyncio.Task[ToolServerProblem | None]] = []
        try:
            for place in (*self.servers, *self.peers):
                asked.append(asyncio.create_task(place.survey()))
                await asyncio.wait(asked[-1:], timeout=_SOON)
            found = await asyncio.gather(*asked)
        finally:
            for task in asked:
                task.cancel()
        return [problem for problem in found if problem is not None]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where tokens come from: the agent's own, those in its callers' names, and those that people are asked for.

    Objects apart, and nothing in two of them; without `people` nobody is asked.
    """

    own: Tokens
    callers: Exchanges
    people: Backchannel | None = None


class Toolbox:
    """Makes the tools of each caller, and keeps them while the caller's token lives; close it at the end.

    `transport` is shared by everybody: what is kept for a caller is a few objects, and no connection.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        sources: Sources,
        transport: httpx2.AsyncBaseTransport,
        failed: Failed,
        acts: Literal["caller", "itself"] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._profile = profile
        self._sources = sources
        self._transport = transport
        self._failed = failed
        self._now = now
        self._acts = acts or profile.acts
        plain = httpx2.AsyncClient(transport=transport)
        self._known = {entry.name: Acquaintance(entry, plain) for entry in profile.peers}
        self._own = self._tools(sources.own, Standing(how="own"))
        self._kept: OrderedDict[str, tuple[float, Tools]] = OrderedDict()

    def of(self, caller: Caller | None) -> Tools:
        """The tools for this caller; without one, or in an agent that always acts for itself, the agent's own."""
        if caller is None or self._acts == "itself":
            return self._own
        name = sha256(caller.token.encode()).hexdigest()
        if name not in self._kept:
            self._make_room()
            self._kept[name] = self._ends(caller), self._delegated(caller)
        self._kept.move_to_end(name)
        return self._kept[name][1]

    async def aclose(self) -> None:
        """Give up what is under way, and forget everybody."""
        self._kept.clear()
        await self._sources.callers.aclose()
        await self._sources.own.aclose()
        if self._sources.people is not None:
            await self._sources.people.aclose()

    def _make_room(self) -> None:
        now = self._now()
        for name in [name for name, (ends, _) in self._kept.items() if ends <= now]:
            del self._kept[name]
        while len(self._kept) >= _CALLERS:
            self._kept.popitem(last=False)

    def _ends(self, caller: Caller) -> float:
        return float(caller.claims["exp"])

    def _delegated(self, caller: Caller) -> Tools:
        source = self._sources.callers.of(caller.token, expires_in=self._ends(caller) - self._now())
        actors = (f"client:{self._profile.client_id}", *caller.actors)
        return self._tools(source, Standing(how="exchanged", actors=actors), caller)

    def _tools(self, source: TokenSource, standing: Standing, caller: Caller | None = None) -> Tools:
        return Tools(
            servers=[self._server(entry, source, standing, caller) for entry in self._profile.mcp_servers],
            peers=[self._peer(entry, source, standing) for entry in self._profile.peers],
        )

    def _server(
        self, entry: McpServerEntry, source: TokenSource, standing: Standing, caller: Caller | None
    ) -> ToolServer:
        usual = set(entry.scopes) - set(self._profile.may_ask.get(entry.name, ()))
        http = self._http(entry, Sought(source, usual, standing), usual)
        consent = self._consent(entry, source, caller)
        if consent is not None:
            http.headers[LISTS_ALL] = "all"
        approvals = self._profile.approvals
        return ToolServer(entry.name, entry.url, http, failed=self._failed, approvals=approvals, consent=consent)

    def _consent(self, entry: McpServerEntry, source: TokenSource, caller: Caller | None) -> Consent | None:
        """How the caller is asked for more there, if that is a person and the profile lets them be asked."""
        people, may_ask = self._sources.people, self._profile.may_ask.get(entry.name)
        if people is None or caller is None or not may_ask or not is_person(caller):
            return None
        return Consent(
            server=entry.name,
            url=entry.url,
            may_ask=frozenset(may_ask),
            caller=caller,
            people=people,
            source=source,
            transport=self._transport,
        )

    def _peer(self, entry: PeerEntry, source: TokenSource, standing: Standing) -> Peer:
        http = self._http(entry, Sought(source, entry.scopes, standing), entry.scopes)
        own = self._profile.client_id
        return Peer(entry, self._known[entry.name], http, own=own, failed=self._failed)

    def _http(
        self, entry: McpServerEntry | PeerEntry, source: TokenSource, scopes: Collection[str]
    ) -> httpx2.AsyncClient:
        """A client of nobody else's, over everybody's connections: closing it would close those, so nobody does."""
        auth = TokenAuth(source, resource=entry.url, scopes=sorted(scopes), ceiling=entry.scopes or None)
        return httpx2.AsyncClient(transport=self._transport, auth=auth, timeout=_TIMEOUT)
