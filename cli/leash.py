"""Starts another program so that the kernel ends it when its parent dies, even by kill -9. Run by path, not imported.

`python -I -S leash.py PARENT_PID PROGRAM [ARGUMENT…]`. Linux only; elsewhere the program simply starts.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != int(sys.argv[1]):
            sys.exit("the parent has gone")
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  no shell is the point
