"""What `daca call` asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to ask of which server, as whom: a client, or, without one, the person, who may be asked to sign in."""

    url: str
    tool: str | None
    arguments: dict[str, Any]
    client_id: str | None
    sign_in: bool
    scopes: Sequence[str]
    protocol: str | None
