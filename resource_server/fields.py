"""The header fields of a request, found by name in one look; a field that comes twice is never taken for one."""

from collections.abc import Sequence


class Fields:
    """All values of each field. Names are in lower case, as ASGI has them."""

    __slots__ = ("_any", "_headers", "_repeats")

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._headers = headers
        self._any = dict(headers)
        self._repeats = len(self._any) != len(headers)

    def __getitem__(self, name: bytes) -> tuple[bytes, ...]:
        """Every value of this field, in the order they came; empty when it did not come. Raises nothing."""
        value = self._any.get(name)
        if value is None:
            return ()
        if not self._repeats:
            return (value,)
        return tuple(value for found, value in self._headers if found == name)
