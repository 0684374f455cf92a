"""What a door tells of its decisions: each tool call that it let in, and each refusal; never a token."""

import logging
from typing import NamedTuple

from resource_server.caller import Caller

_LOG = logging.getLogger("resource_server")


class Decision(NamedTuple):  # made for every tool call, and a tuple is made in a third of the time of a dataclass
    """One decision. `error` is empty for a tool call that was let in; `caller` is None until a token was proved.

    `needed` are the scopes it takes, as far as the request was read; `key_id` names the key that signed the token.
    """

    resource: str
    method: str
    path: str
    status: int = 200
    error: str = ""
    reason: str = ""
    caller: Caller | None = None
    key_id: str = ""
    tool: str = ""
    needed: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether it was let in."""
        return self.status == 200  # noqa: PLR2004  what every other decision is not


def logged(decision: Decision) -> None:
    """What a door does with its decisions unless told otherwise: one line for each refusal."""
    if not decision.allowed:
        _LOG.info(
            "refused %d %s: %s resource=%s client=%.200r %s %.200r",
            decision.status,
            decision.error,
            decision.reason,
            decision.resource,
            "-" if decision.caller is None else decision.caller.client_id,
            decision.method,
            decision.path,
        )
