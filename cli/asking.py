"""One enquiry from the first word to the last: the talk, the questions back, and what is shown of it."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import httpx2
import typer

from cli import screen
from cli.a2a_talk import Talk
from cli.access import words
from cli.credentials import credentials_of
from cli.enquiry import DONE, WAITS, Decision, Enquiry, Event, decisions
from cli.errors import Failure
from cli.hops import Hops, brief, printable
from cli.overheard import Overheard
from cli.patience import patient_http
from cli.person import person_tokens, their_browser
from cli.settings import Settings
from oauth_client import InsufficientScope, LoginRequired, OAuthClientError, TokenAuth, Tokens, TokenSource

_SIGN_IN_SECONDS: Final = 300.0


class Asking:
    """Whatever happens is told at once: as JSON lines on stdout, or drawn on stderr with the answer on stdout."""

    def __init__(self, enquiry: Enquiry, settings: Settings, *, as_json: bool) -> None:
        self._enquiry = enquiry
        self._settings = settings
        self._as_json = as_json
        self._hops = Hops(screen.stderr(), brief(enquiry.name), enquiry.client_id or "you")
        self._talk: Talk | None = None
        self._cancelled = False

    async def run(self) -> None:
        """Talk until the agent has answered, or waits for somebody who is not here. Raises Failure."""
        enquiry = self._enquiry
        async with patient_http(self._settings) as http:
            how = "own" if enquiry.client_id else "signed-in"
            tokens = Overheard(self._tokens(http), self._tell, how=how, scopes=words(enquiry.scopes))
            try:
                http.auth = TokenAuth(tokens, resource=enquiry.url)
                self._talk = Talk(enquiry.url, http, streams=enquiry.streams)
                await self._converse(self._talk)
            except OAuthClientError as error:
                raise self._advised(error) from error
            except httpx2.HTTPError as error:
                raise Failure(f"{enquiry.url}: {type(error).__name__}: {error}") from error
            except asyncio.CancelledError:
                self._cancelled = self._talk is not None and await asyncio.shield(self._talk.cancel())
                raise

    def stopped(self) -> str:
        """What became of it after Ctrl-C."""
        task = self._talk.outcome.task if self._talk else ""
        if not task:
            return "stopped before the agent had begun"
        return f"stopped; task {task} was cancelled" if self._cancelled else f"stopped; task {task} may still run"

    def finish(self) -> None:
        """The last line, or the answer. Raises Failure where there is none."""
        talk = self._talk
        if talk is None:
            return
        outcome = talk.outcome
        if self._as_json:
            screen.print_json(outcome.told())
        elif outcome.state == DONE:
            print(printable(outcome.answer))
            screen.stderr().print(f"go on: --context {brief(outcome.context)}", style="dim", markup=False)
        if outcome.state == WAITS:
            raise Failure(self._how_to_go_on(talk))
        if outcome.state != DONE:
            raise Failure(f"no answer from {self._enquiry.name}: {outcome.state}: {brief(outcome.answer)}")

    async def _converse(self, talk: Talk) -> None:
        enquiry = self._enquiry
        if enquiry.decision:
            await talk.look(enquiry.task)
            await self._decide(talk, decisions(enquiry.decision, enquiry.calls, _calls(talk)))
        else:
            if not self._as_json:
                self._hops.begin(enquiry.text)
            await self._pass_on(talk.say(enquiry.text, task=enquiry.task, context=enquiry.context))
        while talk.outcome.state == WAITS and talk.outcome.approvals and self._somebody_is_here():
            await self._decide(talk, await asyncio.to_thread(self._put, talk))

    async def _decide(self, talk: Talk, decided: dict[str, Decision]) -> None:
        await self._pass_on(talk.decide(decided))

    async def _pass_on(self, events: AsyncGenerator[Event]) -> None:
        async with aclosing(events):
            async for event in events:
                self._tell(event)

    def _tell(self, event: Event) -> None:
        if self._as_json:
            screen.print_json(event)
        else:
            self._hops.draw(event)

    def _somebody_is_here(self) -> bool:
        return not self._as_json and sys.stdin.isatty() and sys.stderr.isatty()

    def _put(self, talk: Talk) -> dict[str, Decision]:
        """Ask the person in front of the terminal, call by call."""
        decided: dict[str, Decision] = {}
        for one in talk.outcome.approvals:
            what = brief(f"{one.get('tool')} at {one.get('server')} with {one.get('arguments')}")
            decided[str(one["call"])] = "approve" if typer.confirm(f"Allow {what}?", err=True) else "reject"
        return decided

    def _how_to_go_on(self, talk: Talk) -> str:
        name, task, whom = self._enquiry.name, talk.outcome.task, self._enquiry.as_whom
        if not talk.outcome.approvals:
            return f'{name} asks back: {brief(talk.outcome.answer)}; daca agent ask {name} "…" --task {task}{whom}'
        tools = ", ".join(brief(str(one.get("tool"))) for one in talk.outcome.approvals)
        return f"{tools} needs a person's yes: daca agent ask {name} --task {task} --approve{whom} (or --reject)"

    def _tokens(self, http: httpx2.AsyncClient) -> TokenSource:
        """The client's own, or those of the person."""
        enquiry = self._enquiry
        if enquiry.client_id is None:
            browser = their_browser(_SIGN_IN_SECONDS, opens=True) if enquiry.sign_in else None
            return person_tokens(self._settings, http, browser=browser)
        proven = credentials_of(enquiry.client_id, self._settings)
        return Tokens(credentials=proven.credentials, http=http, issuer=proven.issuer)

    def _advised(self, error: OAuthClientError) -> Failure:
        if self._enquiry.client_id is None and isinstance(error, LoginRequired | InsufficientScope):
            return Failure(f"{error}. Run: daca login {self._enquiry.url} (--scope SCOPE for more)")
        return Failure(str(error))


def _calls(talk: Talk) -> list[str]:
    return [str(one["call"]) for one in talk.outcome.approvals]
