"""What `daca call` asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to ask of which server, as whom."""

    url: str
    tool: str | None
    arguments: dict[str, Any]
    client_id: str
    scopes: Sequence[str]
    protocol: str | None
