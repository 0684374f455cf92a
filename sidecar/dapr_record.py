"""A value as it lies in a Dapr state store: with its own mark and end, as text that no store can alter."""

import json
from dataclasses import dataclass
from typing import Any, cast

from sidecar.state import Json, StateUnavailable


@dataclass(frozen=True, kw_only=True)
class Record:
    """A value as it lies in the store. `mark` is new for each write; a deleted one stays for a while as `gone`."""

    value: Json
    mark: str
    expires: float | None
    gone: bool = False


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A record as it was read, with the store's own etag."""

    record: Record
    etag: str


def text_of(record: Record) -> str:
    """A record as a JSON text in a JSON string: Dapr reads values as Go does, where 2**53 + 1 is a float."""
    fields = {"value": record.value, "mark": record.mark, "expires": record.expires, "gone": record.gone}
    return json.dumps(fields, allow_nan=False)


def record_of(body: object) -> Record:
    """The record in what the store answers. Raises StateUnavailable for what `text_of` did not make."""
    try:
        return Record(**cast("dict[str, Any]", json.loads(cast("str", body))))
    except (TypeError, ValueError) as error:
        raise StateUnavailable("the store holds something that this software did not write") from error
