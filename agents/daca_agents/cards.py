"""What another agent says about itself: its A2A card, fetched from its own origin, judged, and kept for a while."""

import time
from collections.abc import Callable

import httpx2
from a2a.client.card_resolver import parse_agent_card
from a2a.types import AgentCard, AgentInterface
from a2a.utils.constants import AGENT_CARD_WELL_KNOWN_PATH, TransportProtocol
from google.protobuf.json_format import ParseError

from daca_agents.refusals import ToolServerAway, ToolServerProblem, ToolServerRefused, problem_of
from daca_agents.reply import with_endpoints
from daca_agents.shape import PeerEntry
from oauth_client import InvalidResource
from oauth_client.rules.rfc8707_resource import check_resource, covers

_KEPT_SECONDS = 300.0
_AWAY_SECONDS = 2.0
_MOST_BYTES = 64 * 1024
_SECONDS = 10


class Acquaintance:
    """One peer's card: anybody may read it, so it is the same for every caller. `http` sends no token."""

    def __init__(
        self, entry: PeerEntry, http: httpx2.AsyncClient, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._entry = entry
        self._http = http
        self._clock = clock
        self._card: tuple[float, AgentCard] | None = None
        self._away: tuple[float, ToolServerProblem] | None = None

    async def card(self) -> AgentCard:
        """The card as it counts here: only with endpoints of the peer's own. Raises ToolServerProblem."""
        now = self._clock()
        if self._card is not None and now < self._card[0]:
            return self._card[1]
        if self._away is not None and now < self._away[0]:
            raise self._away[1]
        try:
            card = own_endpoints(self._entry, await self._fetched())
        except ToolServerProblem as problem:
            self._away = (now + _AWAY_SECONDS, problem)
            raise
        self._card, self._away = (now + _KEPT_SECONDS, card), None
        return card

    def forget(self) -> None:
        """Look again next time: what the card says did not hold."""
        self._card = None

    async def _fetched(self) -> AgentCard:
        entry, url = self._entry, self._entry.url.rstrip("/") + AGENT_CARD_WELL_KNOWN_PATH
        try:
            answer = await self._answer(url)
        except httpx2.TransportError as error:
            raise problem_of(entry.name, url, error) or error from None
        if not answer.is_success:
            raise ToolServerAway(entry.name, f"{url} answered {answer.status_code} instead of an agent's card")
        try:
            return parse_agent_card(answer.json())
        except (ValueError, ParseError):
            raise ToolServerRefused(entry.name, f"{url} is no agent's card") from None

    async def _answer(self, url: str) -> httpx2.Response:
        async with self._http.stream("GET", url, headers={"accept": "application/json"}, timeout=_SECONDS) as answer:
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise ToolServerRefused(self._entry.name, f"the card at {url} has no end")
        return httpx2.Response(answer.status_code, content=bytes(body))


def own_endpoints(entry: PeerEntry, card: AgentCard) -> AgentCard:
    """The card with those endpoints that lie at the peer's own URL or below it: a card must not lead elsewhere.

    A token is for the peer's URL; whoever else the card names gets neither that nor what was asked. RFC 8707 §2.
    """
    found = with_endpoints(card, lambda one: _usable(entry, one))
    if found is None:
        named = ", ".join(sorted(f"{one.protocol_binding} {one.url}" for one in card.supported_interfaces)) or "none"
        raise ToolServerRefused(
            entry.name, f"its card names no A2A endpoint (JSONRPC) at {entry.url} or below, but {named[:300]}"
        )
    return found


def _usable(entry: PeerEntry, one: AgentInterface) -> bool:
    try:
        return one.protocol_binding == TransportProtocol.JSONRPC and covers(entry.url, check_resource(one.url))
    except (InvalidResource, ValueError):
        return False
