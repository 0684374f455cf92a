"""What a message to this agent may be: words to think about, or a person's decision. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from a2a.types.a2a_pb2 import Message, Part, Role
from a2a.utils.errors import ContentTypeNotSupportedError, InvalidParamsError
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

from daca_agents.approvals import DECISIONS, Decision

MOST_WORDS: Final = 8000
_LARGEST: Final = 48 * 1024
_MOST_ID: Final = 128


@dataclass(frozen=True, kw_only=True)
class Said:
    """The words of a message, and its decisions by call, if it has any."""

    words: str
    decisions: Mapping[str, Decision] | None


def read(message: Message) -> Said:
    """Accept a message. Raises InvalidParamsError, ContentTypeNotSupportedError."""
    if message.role not in {Role.ROLE_USER, Role.ROLE_UNSPECIFIED}:
        raise InvalidParamsError("a message to this agent has the role ROLE_USER")
    if message.ByteSize() > _LARGEST or max(len(message.message_id), len(message.context_id)) > _MOST_ID:
        raise InvalidParamsError("the message, its id or its contextId is too long")
    words = "\n".join(part.text for part in message.parts if part.WhichOneof("content") == "text")
    decisions = _decisions(message.parts)
    if decisions is None and not 0 < len(words.strip()) <= MOST_WORDS:
        raise InvalidParamsError(f"a message holds 1 to {MOST_WORDS} characters of text")
    return Said(words=words, decisions=decisions)


def decided(said: Said, calls: Sequence[str]) -> Mapping[str, Decision]:
    """What was decided of each call that waits: all of them in one message. Raises InvalidParamsError."""
    word = said.words.strip().lower()
    if said.decisions is None and word in DECISIONS:
        return dict.fromkeys(calls, word)
    given = said.decisions or {}
    if set(given) != set(calls):
        wanted = ", ".join(sorted(calls))
        raise InvalidParamsError(
            f'a decision is wanted: the text "approve" or "reject", or a data part {{"decisions": {{…}}}} '
            f"that says so of each of these calls and no other: {wanted}"
        )
    return given


def _decisions(parts: Sequence[Part]) -> Mapping[str, Decision] | None:
    found: dict[str, Decision] | None = None
    for part in parts:
        kind = part.WhichOneof("content")
        if kind == "data":
            found = {**(found or {}), **_of(MessageToDict(part.data))}
        elif kind != "text":
            raise ContentTypeNotSupportedError("this agent reads text, and data that holds decisions")
    return found


def _of(data: object) -> Mapping[str, Decision]:
    """The one kind of data that is read."""
    given = cast("Mapping[str, Any]", data).get("decisions") if isinstance(data, dict) else None
    if not isinstance(given, dict) or not all(value in DECISIONS for value in cast("dict[str, Any]", given).values()):
        raise InvalidParamsError('data must be {"decisions": {"<call>": "approve" or "reject"}}')
    return cast("Mapping[str, Decision]", given)


def text_part(text: str) -> Part:
    """Words for people."""
    return Part(text=text)


def data_part(data: Mapping[str, Any]) -> Part:
    """The same for programs."""
    return Part(data=ParseDict(dict(data), Value()))
