"""What happens on the way of one errand, told to whoever listens to that errand: tokens, peers, and what they tell.

Things that many errands share (a caller's tools, a token on its way) do not know for whom they work. They say what
happens here, and it reaches the errand in whose context they were asked.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Tell = Callable[[str, dict[str, Any]], None]
"""Takes the kind of an event and its data; never a token."""

_ear: ContextVar[Tell | None] = ContextVar("daca_agents.happenings", default=None)


@contextmanager
def heard_by(tell: Tell) -> Generator[None]:
    """Within this block, and in every task begun in it, `tell` hears what happens."""
    before = _ear.set(tell)
    try:
        yield
    finally:
        _ear.reset(before)


def happened(kind: str, **data: Any) -> None:
    """Say what happened; nobody listening is fine."""
    if tell := _ear.get():
        tell(kind, data)
