"""Tokens that a person is asked for, who is not in front of this program: they decide on a page. CIBA, poll mode."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial

import httpx2

from oauth_client.closing import Closing
from oauth_client.credentials import Credentials
from oauth_client.grant import post_proved, proved, redeem
from oauth_client.models import Proof, Started, Target, Token, TokenAnswer, Waiting
from oauth_client.policy import Policy
from oauth_client.polling import Polling
from oauth_client.rules import openid_ciba as rules
from oauth_client.rules.rfc8707_resource import check_resource
from oauth_client.shelf import Shelf, token_of
from oauth_client.targets import Targets
from oauth_client.wire import Wire

Told = Callable[[Waiting], None]
log = logging.getLogger("oauth_client")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person is asked, on whose behalf. Answers to different questions are never taken for one another.

    `person` is their `sub`, or the name they sign in with. `behalf` names whom the token is to serve, if not the client
    itself: whoever called it, say.
    """

    issuer: str
    client_id: str
    resource: str
    scopes: frozenset[str]
    person: str
    behalf: str


class Backchannel(Closing):
    """Asks people, and keeps what they allowed until it ends. The arguments are those of `Tokens`.

    One question is asked once, however many wait for its answer; when nobody waits any more it is given up.
    `wall` is the time of day, in seconds since 1970. Lives in one event loop.
    """

    def __init__(
        self,
        *,
        credentials: Credentials,
        http: httpx2.AsyncClient | None = None,
        issuer: str | None = None,
        policy: Policy | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.policy = policy or Policy()
        self._credentials = credentials
        self._pause = pause
        self._wall = wall
        self._targets = Targets(http, self.policy, issuer, rules.GRANT)
        self._shelf: Shelf[Question] = Shelf(self.policy, abandoned=True)
        self._waiting: dict[Question, Waiting] = {}
        self._listeners: dict[Question, list[Told]] = {}

    async def ask(  # noqa: PLR0913  whom, for what, why, and who hears of it
        self,
        resource: str,
        scopes: Collection[str],
        *,
        login_hint: str,
        binding_message: str = "",
        subject: str = "",
        behalf: str = "",
        told: Told | None = None,
    ) -> Token:
        """The token that the person allows: kept, or by one shared question. Waits until they decide.

        `subject`: their `sub`, where it is known, which an ID token in the answer must name. `told` hears where they
        decide, once they have to; it may neither wait nor raise. Raises AccessDenied, ConsentExpired, TokenRefused and
        every other OAuthClientError.
        """
        target = await self._targets.find(check_resource(resource))
        rules.check_offered(target.server)
        question = Question(
            issuer=target.server.issuer,
            client_id=self._credentials.client_id,
            resource=target.metadata.resource,
            scopes=frozenset(scopes),
            person=login_hint,
            behalf=behalf,
        )
        listening = self._listen(question, told)
        try:
            return await self._shelf.get(question, partial(self._obtain, question, target, binding_message, subject))
        finally:
            self._leave(question, listening)

    def forget(self, token: Token) -> None:
        """Never hand out this token again."""
        self._shelf.forget(token)

    async def aclose(self) -> None:
        """Give up what is under way, and close what this object opened."""
        await self._shelf.aclose()
        await self._targets.aclose()

    def _listen(self, question: Question, told: Told | None) -> Told:
        """Whoever joins a question that waits already hears of it at once."""
        listening = told or _nobody
        self._listeners.setdefault(question, []).append(listening)
        if question in self._waiting:
            listening(self._waiting[question])
        return listening

    def _leave(self, question: Question, listening: Told) -> None:
        self._listeners[question].remove(listening)
        if not self._listeners[question]:
            del self._listeners[question]

    def _tell(self, question: Question, waiting: Waiting) -> None:
        if question not in self._waiting:
            self._waiting[question] = waiting
            for listening in tuple(self._listeners.get(question, ())):
                listening(waiting)

    async def _obtain(self, question: Question, target: Target, binding_message: str, subject: str) -> Token:
        self._targets.bind(target)
        wire, scopes = self._targets.wire(question.resource), rules.asked_for(question.scopes, target.server)
        started = await self._start(question, target, wire, binding_message)

        async def fetch() -> TokenAnswer:
            expected = rules.Expected(
                issuer=question.issuer, client_id=question.client_id, subject=subject, moment=self._wall()
            )
            form, read = rules.poll_form(started.auth_req_id), partial(rules.read_consented, expected)
            return await redeem(wire, target.server, self._credentials, form, scopes, read=read)

        waiting = Waiting(
            resource=question.resource,
            issuer=question.issuer,
            scopes=question.scopes,
            binding_message=binding_message,
            where=started.where,
            ends=self.policy.clock() + started.expires_in,
        )
        polling = Polling(policy=self.policy, pause=self._pause, issuer=question.issuer)
        try:
            answer = await polling.answer(started, fetch, partial(self._tell, question, waiting))
        finally:
            self._waiting.pop(question, None)
        log.info("%s allowed for %s by a person", " ".join(sorted(answer.scopes)), question.resource)
        return token_of(answer, target, question.client_id, self.policy, ends=None)

    async def _start(self, question: Question, target: Target, wire: Wire, binding_message: str) -> Started:
        scopes = rules.asked_for(question.scopes, target.server)
        form = rules.ask_form(question.resource, scopes, question.person, binding_message)
        endpoint, read = rules.check_offered(target.server), rules.read_started
        ask: Callable[[Proof], Awaitable[Started]] = partial(post_proved, wire, endpoint, form, scopes, read)
        return await proved(target.server, self._credentials, ask)


def _nobody(_waiting: Waiting) -> None:
    """Nobody wants to hear of it."""
