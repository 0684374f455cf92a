"""Read, change, write if nobody else did: again until it holds."""

import asyncio
import random
from collections.abc import Callable

from sidecar.state import Json, State, StateUnavailable

_TRIES = 40
_LONGEST_PAUSE = 0.05


def _for_ever(_value: Json) -> int | None:
    return None


async def write_changed(
    state: State,
    key: str,
    apply: Callable[[Json], Json],
    *,
    absent: Json = None,
    ttl: Callable[[Json], int | None] = _for_ever,
) -> Json:
    """Apply to the latest value and write it; `absent` stands for a missing one. Returns what was written.

    None from `apply` writes nothing. `ttl` says how long the new value lasts: each write must say it again.
    Raises StateUnavailable when others keep winning.
    """
    for attempt in range(_TRIES):
        entry = await state.get(key)
        value = apply(absent if entry is None else entry.value)
        if value is None:
            return None
        lasts = ttl(value)
        if await (
            state.insert(key, value, ttl=lasts) if entry is None else state.replace(key, value, entry.etag, ttl=lasts)
        ):
            return value
        await pause(attempt)
    raise StateUnavailable(f"{key} is written by too many at once")


async def pause(attempt: int) -> None:
    """Let the others finish: a little longer each time, never in step."""
    await asyncio.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.002 * 2 ** min(attempt, 8))))  # noqa: S311  no secret
