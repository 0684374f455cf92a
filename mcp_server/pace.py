"""How fast one caller may call: a bucket of calls that fills steadily, for each client and subject."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable


class Pace:
    """Allows `rate` calls a second for each caller, twice as many in a burst; remembers a bounded number of callers."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic, callers: int = 4096) -> None:
        self._rate = rate
        self._clock = clock
        self._callers = callers
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, caller: Hashable) -> float:
        """Take one call: 0 when it may go ahead, else the seconds until the next one may."""
        if self._rate <= 0:
            return 0.0
        now = self._clock()
        level, at = self._buckets.pop(caller, (self._rate * 2, now))
        level = min(self._rate * 2, level + (now - at) * self._rate)
        allowed = level >= 1
        self._buckets[caller] = (level - 1 if allowed else level, now)
        if len(self._buckets) > self._callers:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - level) / self._rate
