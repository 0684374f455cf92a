"""RFC 9110 §5 — Fields: those of a request, found by name in one look; one that comes twice is never taken for one."""

from collections.abc import Collection, Sequence


class Fields(dict[bytes, bytes]):
    """A value of each field, by its name in lower case, as ASGI has it; `repeated` names those that have another."""

    __slots__ = ("_headers", "repeated")

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        super().__init__(headers)
        self._headers = headers
        self.repeated: Collection[bytes] = () if len(self) == len(headers) else _repeated(headers)

    def all(self, name: bytes) -> Sequence[bytes]:
        """Every value of a field, in the order they came."""
        return [value for found, value in self._headers if found == name]

    def without(self, name: bytes) -> list[tuple[bytes, bytes]]:
        """All of them but this one, in the order they came."""
        return [field for field in self._headers if field[0] != name]


def _repeated(headers: Sequence[tuple[bytes, bytes]]) -> frozenset[bytes]:
    names = [name for name, _ in headers]
    return frozenset(name for name in names if names.count(name) > 1)
