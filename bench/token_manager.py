"""What the token manager costs: eight slow calls side by side, and fifty callers when the token has run out.

A resource that takes half a second a call and an authorization server, over loopback HTTP in a thread of their own.
The same calls with a static header set the time to beat; the MCP SDK's own client-credentials provider stands beside.
`python -m bench.token_manager [--json] [--rounds N]`
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

import httpx2
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from bench.command import Options, run
from bench.rounds import Figure, Report, Spread, at_most, in_turn, ratio
from bench.token_town import Town, serving
from oauth_client import ClientSecret, TokenAuth, Tokens

TITLE = "The token manager"
CALLS = 8
SECONDS = 0.5
CALLERS = 50
SHORT_LIFE = 2
CLIENT, SECRET = "bench", "bench-secret"


class Memory:
    """The SDK provider's token storage."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


Authorize = Callable[[Town], contextlib.AbstractAsyncContextManager[httpx2.Auth]]


@asynccontextmanager
async def _ours(town: Town) -> AsyncGenerator[httpx2.Auth]:
    async with Tokens(credentials=ClientSecret(CLIENT, SECRET), issuer=town.origin) as tokens:
        yield TokenAuth(tokens, resource=town.resource)


@asynccontextmanager
async def _sdk(town: Town) -> AsyncGenerator[httpx2.Auth]:
    yield ClientCredentialsOAuthProvider(town.resource, Memory(), CLIENT, SECRET, issuer=town.origin)


@asynccontextmanager
async def _static(town: Town) -> AsyncGenerator[httpx2.Auth]:
    header = f"Bearer {town.issue()['access_token']}"

    def carry(request: httpx2.Request) -> httpx2.Request:
        request.headers["Authorization"] = header
        return request

    yield httpx2.FunctionAuth(carry)


async def measure(options: Options) -> Report:
    """Seconds for eight calls, and token requests for fifty callers."""
    with serving() as town:
        contestants = {"static": _static, "ours": _ours, "sdk": _sdk}
        seconds = await in_turn(
            {name: partial(_eight, town, auth) for name, auth in contestants.items()}, options.rounds
        )
        ours, sdk = await _fifty(town, _ours), await _fifty(town, _sdk)
    return Report(title=TITLE, command="python -m bench.token_manager", figures=_figures(seconds, ours, sdk))


def _figures(seconds: dict[str, list[float]], ours: int, sdk: int) -> list[Figure]:
    fifty = f"{CALLERS} callers when the token has run out: token requests"
    return [
        Figure(
            name=f"{CALLS} calls of {SECONDS} s side by side, static header",
            unit="s",
            spread=Spread.of(seconds["static"]),
        ),
        Figure(name="the same through the token manager", unit="s", spread=Spread.of(seconds["ours"])),
        Figure(name="the same through the MCP SDK's provider", unit="s", spread=Spread.of(seconds["sdk"])),
        at_most("token manager / static header", "times", ratio(seconds["ours"], seconds["static"]), 1.1),
        Figure(
            name="MCP SDK's provider / static header", unit="times", spread=ratio(seconds["sdk"], seconds["static"])
        ),
        at_most(fifty, "token manager", Spread.of([ours]), 1),
        Figure(name=fifty, unit="MCP SDK's provider", spread=Spread.of([sdk])),
    ]


async def _eight(town: Town, authorize: Authorize) -> float:
    """Seconds for eight calls at once, with a token already there."""
    town.life, town.slow = 600, SECONDS
    async with authorize(town) as auth, httpx2.AsyncClient(auth=auth, trust_env=False) as client:
        town.slow = 0
        await _call(client, town)
        town.slow = SECONDS
        began = time.perf_counter()
        await asyncio.gather(*(_call(client, town) for _ in range(CALLS)))
        return time.perf_counter() - began


async def _fifty(town: Town, authorize: Authorize) -> int:
    """Token requests that fifty callers make at once, the token of a moment ago having run out."""
    town.life, town.slow = SHORT_LIFE, 0
    async with authorize(town) as auth, httpx2.AsyncClient(auth=auth, trust_env=False) as client:
        await _call(client, town)
        await asyncio.sleep(SHORT_LIFE + 0.1)
        before = town.issued
        await asyncio.gather(*(_call(client, town) for _ in range(CALLERS)))
        return town.issued - before


async def _call(client: httpx2.AsyncClient, town: Town) -> None:
    (await client.post(town.resource, json={})).raise_for_status()


if __name__ == "__main__":
    run(measure)
