"""What a person is asked for when a call in their name needs more than their token leads to. docs/backchannel.md."""

import json
from collections.abc import Collection, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import httpx2

from daca_agents.happenings import happened
from oauth_client import Backchannel, Token, TokenAuth, TokenRejected, TokenSource, Waiting
from oauth_client.models import Target
from resource_server import Caller

_MACHINE = "client:"
_LONGEST_REASON = 200
_TIMEOUT = httpx2.Timeout(60, connect=5)


def is_person(caller: Caller) -> bool:
    """Whether there is somebody to ask: a machine's `sub` is itself."""
    return not caller.subject.startswith(_MACHINE)


class Consented:
    """A `TokenSource` of the one token that a person allowed, and of no other: nobody is asked again."""

    def __init__(self, token: Token, *, source: TokenSource, people: Backchannel) -> None:
        self.policy = source.policy
        self._token = token
        self._source = source
        self._people = people
        self._refused = False

    async def find(self, resource: str, challenged: str | None = None, *, stale: Target | None = None) -> Target:
        """Where tokens for this resource come from."""
        return await self._source.find(resource, challenged, stale=stale)

    async def get(self, target: Target, scopes: frozenset[str]) -> Token:
        """The token, until a door has refused it. Raises TokenRejected."""
        del target, scopes
        if self._refused:
            raise TokenRejected(self._token.resource, self._token.issuer, "what a person allowed is not taken any more")
        return self._token

    async def more(self, target: Target, scopes: frozenset[str], than: Token) -> Token:
        """No more than they allowed."""
        del target, scopes
        return than

    def forget(self, token: Token) -> None:
        """Never hand out this token again."""
        self._refused = True
        self._people.forget(token)


@dataclass(frozen=True, kw_only=True)
class Consent:
    """Asks the person in whose name one caller's requests are, for what `may_ask` says of one server.

    `source` is the caller's own source of tokens there, and `transport` everybody's connections.
    """

    server: str
    url: str
    may_ask: frozenset[str]
    caller: Caller
    people: Backchannel
    source: TokenSource
    transport: httpx2.AsyncBaseTransport

    def covers(self, needed: Collection[str]) -> bool:
        """Whether a person may be asked for all of that."""
        return bool(needed) and self.may_ask.issuperset(needed)

    async def obtain(self, needed: Collection[str], tool: str, arguments: Mapping[str, Any]) -> httpx2.AsyncClient:
        """A client for this call alone, once the person has allowed it. Raises OAuthClientError."""
        here = copy_context()  # the answer may be waited for by another errand's task: it is told to this one

        def told(waiting: Waiting) -> None:
            here.run(self._tell, waiting)

        token = await self.people.ask(
            self.url,
            needed,
            login_hint=self.caller.subject,
            subject=self.caller.subject,
            behalf=self.caller.client_id,
            binding_message=f"As you asked: {tool} {json.dumps(dict(arguments))}"[:_LONGEST_REASON],
            told=told,
        )
        source = Consented(token, source=self.source, people=self.people)
        auth = TokenAuth(source, resource=self.url, scopes=sorted(needed), ceiling=self.may_ask)
        return httpx2.AsyncClient(transport=self.transport, auth=auth, timeout=_TIMEOUT)

    def _tell(self, waiting: Waiting) -> None:
        happened(
            "consent_needed",
            server=self.server,
            scope=" ".join(sorted(waiting.scopes)),
            at_url=waiting.where,
            binding_message=waiting.binding_message,
            expires_in=max(0, int(waiting.ends - self.people.policy.clock())),
        )
