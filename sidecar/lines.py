"""Log lines, gathered while the event loop is busy and written in one go when its turn ends."""

import atexit
from asyncio import get_running_loop
from collections import deque
from typing import Final, TextIO

_MOST: Final = 256
"""Lines that wait at most: a turn of the loop that makes more of them writes in between."""


class Lines:
    """Writes lines to a file: one write for all that one turn of the event loop made.

    Where no loop runs a line is written at once. What waits is written when the loop comes round again; an exit of
    any kind but a kill writes the rest. Threads may share one.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        # One queue for good: a line that a thread adds while another writes is written by either, never lost.
        self._waiting: deque[str] = deque()
        atexit.register(self.flush)

    def msg(self, line: str) -> None:
        """Take one line, without its end."""
        self._waiting.append(line)
        waiting = len(self._waiting)
        if waiting == 1:
            try:
                get_running_loop().call_soon(self.flush)
            except RuntimeError:  # there is no loop in this thread, or it is closing
                self.flush()
        elif waiting >= _MOST:
            self.flush()

    debug = info = warning = error = critical = msg

    def flush(self) -> None:
        """Write what waits."""
        lines: list[str] = []
        try:
            while True:
                lines.append(self._waiting.popleft())
        except IndexError:
            pass
        if lines:
            self._file.write("\n".join(lines) + "\n")
            self._file.flush()
