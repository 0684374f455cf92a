"""Wrong secrets are counted for each client; when they come too fast they are told to wait. A right one never is."""

from collections import OrderedDict
from collections.abc import Callable

from auth_server.errors import InvalidClient, TooManyGuesses

ALLOWED = 10
WINDOW = 60.0
_MOST = 10_000


class Guesses:
    """Counts wrong secrets within a minute, for ids that exist: strangers cannot fill the memory or lock anyone out."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def refusal(self, client_id: str) -> InvalidClient:
        """Count one more, and say how it is refused."""
        begin, count = self._wrong.pop(client_id, (self._clock(), 0))
        if not 0 <= self._clock() - begin < WINDOW:
            begin, count = self._clock(), 0
        self._wrong[client_id] = (begin, count + 1)
        if len(self._wrong) > _MOST:
            self._wrong.popitem(last=False)
        if count >= ALLOWED:
            return TooManyGuesses("too many wrong secrets for this client: wait", detail=f"guess {count + 1}")
        return InvalidClient("client authentication failed", detail="wrong secret")
