"""What clients ask people for without a browser of their own: frozen values, no behaviour. OpenID Connect CIBA."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

State: TypeAlias = Literal["open", "approved", "declined"]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who may be asked: what tokens call them, and the name they sign in with."""

    subject: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A client's request to a person. Times are seconds since 1970.

    `secret_hash` is of the client's auth_req_id, which is kept nowhere. `polled` is when the client came last, and
    `interval` what it must wait since then. An approved one has its `permission` and the scopes that were `granted`;
    `spent` names the one attempt that redeemed it.
    """

    id: str
    secret_hash: str = field(repr=False)
    client_id: str
    subject: str
    name: str
    resource: str
    scopes: tuple[str, ...]
    message: str = ""
    created: int
    expires: int
    interval: int
    polled: float = 0.0
    state: State = "open"
    permission: str = ""
    granted: tuple[str, ...] = ()
    spent: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many requests may wait at once: for one person, of one client for one person, of one client."""

    person: int
    pair: int
    client: int
