"""Whose a task and a conversation are: the subject and the client of a verified token, and nobody else's. RS-27."""

from dataclasses import dataclass
from hashlib import sha256

from resource_server import Caller


@dataclass(frozen=True, kw_only=True)
class Owner:
    """One person, or one client by itself, at one client."""

    subject: str
    client_id: str

    @property
    def name(self) -> str:
        """A short name of fixed length, for the keys of a store: no two owners share it."""
        return _digest(f"{len(self.subject)}:{self.subject}{self.client_id}")

    def conversation(self, context_id: str) -> str:
        """The name of one of this owner's conversations; the same `context_id` of another owner is another one."""
        return f"{self.name}-{_digest(context_id)}"


def owner_of(caller: Caller) -> Owner:
    """The owner of what this caller begins."""
    return Owner(subject=caller.subject, client_id=caller.client_id)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
