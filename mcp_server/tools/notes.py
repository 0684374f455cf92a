"""The notes: a small notebook that every caller with the scope shares, and that says who wrote what."""

import unicodedata
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AfterValidator, BaseModel, Field

from mcp_server.catalogue import tool
from mcp_server.note import Author, Note, NotebookBusy, NotebookFull, NoteConflict, NoteMissing
from mcp_server.notebook import Notebook
from sidecar.state import StateUnavailable

MAX_TEXT = 16_000
_EXCERPT = 60
# Marks that turn the reading direction: a name or text could show other than what it says.
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _check_text(text: str) -> str:
    """Text a person can see: no control characters but line end and tab, no half characters."""
    text = text.replace("\r\n", "\n")
    for char in text:
        if (unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t") or char in _TURNS:
            raise ValueError(f"may hold no control character (found U+{ord(char):04X})")
    return text


def _check_name(name: str) -> str:
    """One line without spaces around it; one spelling for what looks the same (NFC)."""
    if name != name.strip() or "\n" in name or "\t" in name:
        raise ValueError("must be one line without spaces around it")
    return unicodedata.normalize("NFC", _check_text(name))


Name = Annotated[
    str,
    Field(description="The note's name, one line", min_length=1, max_length=100),
    AfterValidator(_check_name),
]
Text = Annotated[
    str, Field(description="The whole text of the note", max_length=MAX_TEXT), AfterValidator(_check_text)
]
Version = Annotated[int, Field(ge=1, description="The version you read")]
Query = Annotated[
    str,
    Field(description="What to look for, upper and lower case alike", min_length=1, max_length=200),
    AfterValidator(_check_text),
]
Limit = Annotated[int, Field(description="How many to return at most", ge=1, le=50)]


class Writer(BaseModel):
    """Who wrote, as the verified token says."""

    subject: str = Field(description="On whose behalf: the token's sub")
    client_id: str = Field(description="Through which client")
    actors: list[str] = Field(description="Who acted in their name, the latest first; empty when nobody did")


class Summary(BaseModel):
    """A note without its text."""

    name: str
    version: int = Field(description="Counts the writes of this note, from 1")
    characters: int = Field(description="Length of the text")
    created_at: str = Field(description="ISO 8601, UTC")
    created_by: Writer
    updated_at: str = Field(description="ISO 8601, UTC")
    updated_by: Writer


class Page(Summary):
    """A note with its text."""

    text: str


class Summaries(BaseModel):
    """What there is."""

    notes: list[Summary]
    total: int


class Hit(BaseModel):
    """A note that was found, and the words around the place."""

    name: str
    version: int
    excerpt: str = Field(description="The text around the first place where it occurs")


class Hits(BaseModel):
    """What was found, by name."""

    hits: list[Hit]
    total: int = Field(description="How many notes match, returned or not")


class Deleted(BaseModel):
    """What was removed."""

    name: str
    version: int = Field(description="The version it had")


class NotesTools:
    """The toolset `notes`. `author` says who calls, from the verified token."""

    def __init__(self, notebook: Notebook, author: Callable[[], Author]) -> None:
        self._notebook = notebook
        self._author = author

    @tool(scope="mcp:read", title="List notes", read_only=True)
    async def list_notes(self) -> Summaries:
        """List every note by name: its version, length, and who wrote it when."""
        async with _explained():
            notes = await self._notebook.all()
        return Summaries(notes=[_summary(note) for note in notes], total=len(notes))

    @tool(scope="mcp:read", title="Search notes", read_only=True)
    async def search_notes(self, query: Query, limit: Limit = 20) -> Hits:
        """Find notes whose name or text contains the query, upper and lower case alike."""
        async with _explained():
            notes = await self._notebook.all()
        found = [hit for note in notes if (hit := _hit(note, query))]
        return Hits(hits=found[:limit], total=len(found))

    @tool(scope="mcp:read", title="Read a note", read_only=True)
    async def read_note(self, name: Name) -> Page:
        """Read one note by its exact name, with the version that write_note and delete_note ask for."""
        async with _explained(name):
            return Page.model_validate(_seen(await self._notebook.read(name)))

    @tool(scope="mcp:write", title="Write a note", destructive=True)
    async def write_note(self, name: Name, text: Text, version: Version | None = None) -> Summary:
        """Create a note, or replace one: give the version you read, so that nobody's newer words are lost."""
        async with _explained(name):
            return _summary(await self._notebook.write(name, text, self._author(), version))

    @tool(scope="mcp:delete", title="Delete a note", destructive=True)
    async def delete_note(self, name: Name, version: Version | None = None) -> Deleted:
        """Delete a note for good. Give the version you read to be sure nobody changed it since."""
        async with _explained(name):
            gone = await self._notebook.delete(name, version)
        return Deleted(name=gone.name, version=gone.version)


def _seen(note: Note) -> dict[str, object]:
    """A note as callers see it."""
    return {**asdict(note), "characters": len(note.text)}


def _summary(note: Note) -> Summary:
    return Summary.model_validate(_seen(note))


def _hit(note: Note, query: str) -> Hit | None:
    """Plain substring search. The excerpt is cut by words' place, not their meaning."""
    wanted = query.casefold()
    at = note.text.casefold().find(wanted)
    if at < 0 and wanted not in note.name.casefold():
        return None
    start = max(0, at - _EXCERPT)
    return Hit(name=note.name, version=note.version, excerpt=note.text[start : max(at, 0) + len(query) + _EXCERPT])


@asynccontextmanager
async def _explained(name: str = "") -> AsyncGenerator[None]:
    """Say to the caller what happened and what to do next."""
    try:
        yield
    except NoteMissing:
        raise ToolError(f"there is no note named {name!r}; list_notes and search_notes tell the names") from None
    except NoteConflict as conflict:
        raise ToolError(
            f"the note {name!r} is at version {conflict.version} now: read it, then call again with that version"
        ) from None
    except NotebookFull:
        raise ToolError("the notebook is full: delete a note first") from None
    except NotebookBusy:
        raise ToolError("too many others wrote at the same moment: call again") from None
    except StateUnavailable:
        raise ToolError("the notes' storage does not answer: nothing was promised, call again later") from None
