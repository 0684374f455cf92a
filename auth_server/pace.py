"""How often something may happen: so many times within a window, for each key, in bounded memory."""

from collections import OrderedDict
from collections.abc import Callable

_MOST = 20_000


class Pace:
    """Counts on this replica alone. A key that was pushed out by too many others begins anew."""

    def __init__(self, allowed: int, window: float, clock: Callable[[], float]) -> None:
        self._allowed = allowed
        self._window = window
        self._clock = clock
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def allows(self, key: str) -> bool:
        """Count one more, and say whether it is still within what is allowed."""
        now = self._clock()
        begin, count = self._counts.pop(key, (now, 0))
        if not 0 <= now - begin < self._window:
            begin, count = now, 0
        self._counts[key] = (begin, count + 1)
        if len(self._counts) > _MOST:
            self._counts.popitem(last=False)
        return count < self._allowed
