"""How a client behaves where the specifications leave the choice to it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Every choice, with the default that fits most agents. Times are in seconds.

    `allow_loopback`: may metadata and token endpoints be on this machine (http is then allowed)? None: if the
    resource itself is. `allow_private`: may they be in private address ranges? `rebind`: may the credentials go
    to an issuer other than the first one they were used at? `refresh_from`, `refresh_until`: a token is renewed
    in the background at a random point between these shares of its life. `margin`: a token this close to its end
    is not sent (a tenth of its life, if that is less). `default_lifetime`: assumed when the server does not say.
    `backoff`: a failure is answered from memory this long. `timeout`: of each request for metadata or tokens.
    `metadata_age`: metadata is fetched anew after this. `capacity`: most tokens, and most resources, remembered.
    `max_upgrades`: scope upgrades per operation, after which it fails at once for `remember_denials`.
    `clock` counts seconds; `uniform` chooses a point between two.
    """

    allow_loopback: bool | None = None
    allow_private: bool = False
    rebind: bool = False
    refresh_from: float = 0.7
    refresh_until: float = 0.9
    margin: float = 5.0
    default_lifetime: int = 60
    backoff: float = 1.0
    timeout: float = 10.0
    metadata_age: float = 3600.0
    capacity: int = 1000
    max_upgrades: int = 2
    remember_denials: float = 300.0
    clock: Callable[[], float] = time.monotonic
    uniform: Callable[[float, float], float] = random.SystemRandom().uniform
