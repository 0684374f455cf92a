"""`python -m tests.auth_server.dying`: the real server, killed by the kernel right after it wrote a permission.

It dies once the file `armed` lies in its data folder: SIGKILL, so that nothing is answered, closed or flushed.
"""

import os
import signal
from pathlib import Path

from auth_server.app import main
from sidecar.embedded import SqliteState
from sidecar.state import Json

ARMED = Path(os.environ["DACA_DATA"], "armed")
_replace = SqliteState.replace


def _is_armed() -> bool:
    return ARMED.exists()


async def _replace_and_die(self: SqliteState, key: str, value: Json, etag: str, *, ttl: int | None = None) -> bool:
    written = await _replace(self, key, value, etag, ttl=ttl)
    if key.startswith("permission-") and _is_armed():
        os.kill(os.getpid(), signal.SIGKILL)
    return written


if __name__ == "__main__":
    SqliteState.replace = _replace_and_die
    main()
