"""Whether programs can serve: asked, not guessed."""

import asyncio
import time
from collections.abc import Callable, Sequence

import httpx2

from cli.errors import Failure
from cli.programs import Program

_PAUSE = 0.05


async def wait_ready(programs: Sequence[Program], seconds: float, tell: Callable[[str], None]) -> None:
    """Ask every program until it answers, and tell of each one that does. Raises Failure naming the rest."""
    began = time.monotonic()
    waiting = {program.label for program in programs}
    async with httpx2.AsyncClient(timeout=2, trust_env=False) as http:

        async def wait_one(program: Program) -> None:
            while not await is_ready(http, program.health):  # noqa: ASYNC110  another process: there is no event
                await asyncio.sleep(_PAUSE)
            waiting.discard(program.label)
            tell(f"{program.label} is ready after {time.monotonic() - began:.1f} s")

        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(wait_one(program) for program in programs))
        except TimeoutError:
            raise Failure(f"not ready after {seconds:g} s: {', '.join(sorted(waiting))}; the log says why") from None


async def is_ready(http: httpx2.AsyncClient, url: str) -> bool:
    """One question; no answer is no."""
    try:
        return (await http.get(url)).is_success
    except httpx2.HTTPError:
        return False
