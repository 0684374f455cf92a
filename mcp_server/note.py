"""A note, and every way in which it can not be had."""

from dataclasses import dataclass


class NoteMissing(Exception):
    """No note has that name."""


class NoteConflict(Exception):
    """The note is not what the caller last saw. `version` is what it is now."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the note is at version {version} now")
        self.version = version


class NotebookFull(Exception):
    """There are as many notes as there may be."""


class NotebookBusy(Exception):
    """Too many others wrote at the same moment."""


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who wrote: the verified caller, never what the request says of itself.

    `actors`: everybody who acted in the subject's name, the latest first; nobody when it wrote itself.
    """

    subject: str
    client_id: str
    actors: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Note:
    """A note as it is kept. `version` counts its writes from 1; times are ISO 8601, UTC."""

    name: str
    text: str
    version: int
    created_at: str
    created_by: Author
    updated_at: str
    updated_by: Author
