"""How many tool calls one caller may make: a token bucket each, in bounded memory."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from resource_server.caller import Caller
from resource_server.errors import RequestId, TooManyCalls


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """So many tool calls a second in the long run, so many at once. Counted in each process by itself."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        """Refuse limits that let nothing through."""
        if not (0 < self.per_second < math.inf) or self.burst < 1:
            raise ValueError("a rate limit needs per_second > 0 and burst >= 1; None switches it off")


class Buckets:
    """The buckets of all callers; the one that was quiet longest makes room."""

    def __init__(self, limit: RateLimit, monotonic: Callable[[], float], *, size: int = 10_000) -> None:
        self._limit = limit
        self._now = monotonic
        self._size = size
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, who: Caller, request_id: RequestId) -> None:
        """Count one call. Raises TooManyCalls with the seconds to wait."""
        caller = (who.client_id, who.subject)
        now = self._now()
        left, since = self._buckets.get(caller, (float(self._limit.burst), now))
        left = min(float(self._limit.burst), left + (now - since) * self._limit.per_second)
        if left < 1:
            raise TooManyCalls(math.ceil((1 - left) / self._limit.per_second), request_id=request_id)
        self._buckets[caller] = (left - 1, now)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > self._size:
            self._buckets.popitem(last=False)
