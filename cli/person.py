"""How `daca` acts for the person in front of it: their vault, their browser, their tokens."""

import asyncio
import webbrowser
from dataclasses import dataclass

import httpx2

from cli import screen
from cli.settings import Settings
from cli.vault import open_vault
from oauth_client import Browser, PersonTokens, PublicClient


@dataclass(frozen=True, kw_only=True)
class Program:
    """What `daca` is to an authorization server; with nothing said, a client that registers itself.

    `document` is the URL of its metadata document; `client_id` was registered beforehand, at `issuer` and no other.
    """

    document: str = ""
    client_id: str = ""
    issuer: str = ""


def person_tokens(
    settings: Settings, http: httpx2.AsyncClient, *, browser: Browser | None = None, program: Program | None = None
) -> PersonTokens:
    """The tokens of whoever runs `daca` with this data folder; nobody is asked without `browser`."""
    said = program or Program()
    return PersonTokens(
        vault=open_vault(settings),
        browser=browser,
        client=PublicClient(said.client_id) if said.client_id else None,
        issuer=said.issuer or None,
        document=said.document,
        http=http,
    )


def their_browser(seconds: float, *, opens: bool) -> Browser:
    """Always the URL on stderr; in a browser too where there is one."""

    async def show(url: str) -> None:
        screen.stderr().print(f"Sign in here:\n{url}", markup=False)
        if opens:
            await asyncio.to_thread(_open, url)

    return Browser(open=show, seconds=seconds)


def _open(url: str) -> None:
    """Checked before: https, or http on loopback. The module starts a program, never a shell."""
    try:
        webbrowser.open(url)
    except webbrowser.Error:
        return
