"""Wrong passwords are counted where they come from, never against the person: nobody can lock out somebody else.

A browser that a person signed in with before counts by itself. Every other one counts with its network address, for
each name and for all names together. The counts are this replica's own.
"""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

WINDOW = 300.0
FOR_ONE_NAME = 10
FOR_ALL_NAMES = 50
_MOST = 20_000


class Attempts:
    """Counts within five minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait(self, source: str, name: str) -> int:
        """For how many seconds this source may not try this name; 0 when it may."""
        return max(
            self._wait(f"{source} {name}", FOR_ONE_NAME),
            self._wait(source, FOR_ALL_NAMES),
        )

    def wrong(self, source: str, name: str) -> None:
        """Count one more."""
        for key in (f"{source} {name}", source):
            begin, count = self._current(key)
            self._wrong[key] = (begin, count + 1)
            self._wrong.move_to_end(key)
        while len(self._wrong) > _MOST:
            self._wrong.popitem(last=False)

    def _wait(self, key: str, allowed: int) -> int:
        begin, count = self._current(key)
        return 0 if count < allowed else max(1, int(begin + WINDOW - self._clock()))

    def _current(self, key: str) -> tuple[float, int]:
        begin, count = self._wrong.get(key, (self._clock(), 0))
        return (begin, count) if 0 <= self._clock() - begin < WINDOW else (self._clock(), 0)


def network(peer: str) -> str:
    """The network that an address speaks for: one IPv6 subscriber has a whole /64."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)
