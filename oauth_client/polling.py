"""Coming for an answer that a person still owes: not too often, and not after its time. CIBA §10, §11."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from oauth_client.consent_errors import AccessDenied, ConsentExpired
from oauth_client.errors import TokenRefused, Unreachable
from oauth_client.models import Started, TokenAnswer
from oauth_client.policy import Policy

_SLOWER = 5
_JITTER = 0.1
_LONGEST = 60
_TRY_LATER = (429, 500, 502, 503, 504)


@dataclass(frozen=True, kw_only=True)
class Polling:
    """Polls one server. `pause` waits for so many seconds."""

    policy: Policy
    pause: Callable[[float], Awaitable[None]]
    issuer: str

    async def answer(
        self, started: Started, fetch: Callable[[], Awaitable[TokenAnswer]], waits: Callable[[], None]
    ) -> TokenAnswer:
        """The answer; `waits` is called while somebody has to decide. Raises as `Backchannel.ask`.

        The first visit is at once: what was allowed for longer is answered then.
        """
        interval, ends = started.interval, self.policy.clock() + started.expires_in
        while True:
            try:
                return await fetch()
            except TokenRefused as refused:
                interval += self._slower(refused)
                if refused.error in ("authorization_pending", "slow_down"):
                    waits()
            except Unreachable:
                interval = min(2 * interval, max(_LONGEST, interval))
            if self.policy.clock() + interval >= ends:
                raise ConsentExpired(f"nobody decided within {started.expires_in} seconds", self.issuer)
            await self.pause(interval * self.policy.uniform(1, 1 + _JITTER))

    def _slower(self, refused: TokenRefused) -> int:
        """By how many seconds to wait longer from now on. Raises whatever ends the waiting."""
        if refused.error == "authorization_pending":
            return 0
        if refused.error == "slow_down" or refused.status in _TRY_LATER:
            return _SLOWER
        if refused.error == "access_denied":
            raise AccessDenied(refused.description, self.issuer) from refused
        if refused.error == "expired_token":
            raise ConsentExpired(refused.description, self.issuer) from refused
        raise refused
