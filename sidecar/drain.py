"""Run as a pod's preStop hook: the sidecar stops taking calls while the app behind it still answers, so none is lost.

Kubernetes ends a native sidecar after the app, and calls that arrive in between would find nobody. So: have the app
keep no connection any more, wait until the endpoints have forgotten this pod, tell the sidecar to shut down, wait until
it is gone; only then the app is ended.
"""

import contextlib
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping

# Seconds until no new call can come: a caller's sidecar keeps the addresses it found for 20, and calls only them
# however often it tries; what it found may have been kept by the cluster's DNS for 30 before that.
FORGOTTEN = 55.0
DRAINED = 20.0  # seconds at most for the calls under way


def drain(environ: Mapping[str, str], *, tell: Callable[[], None], sleep: Callable[[float], None] = time.sleep) -> None:
    """Take this pod out of service, in order; `tell` is how the app hears of it. Without a sidecar only wait."""
    tell()
    sleep(float(environ.get("DACA_DRAIN_SECONDS", FORGOTTEN)))
    port = environ.get("DAPR_HTTP_PORT")
    if port is None:
        return
    base, token = f"http://127.0.0.1:{port}/v1.0", environ.get("DAPR_API_TOKEN", "")
    _answers(f"{base}/shutdown", token, method="POST")
    for _ in range(int(DRAINED / 0.25)):
        if not _answers(f"{base}/healthz/outbound", token, method="GET"):
            return
        sleep(0.25)


def tell_the_app() -> None:
    """In its container the app is the first process; see sidecar/process.py."""
    with contextlib.suppress(OSError):
        os.kill(1, signal.SIGUSR1)


def _answers(url: str, token: str, *, method: str) -> bool:
    """Whether anything listens there, whatever it says."""
    request = urllib.request.Request(url, method=method, headers={"dapr-api-token": token})  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=2):  # noqa: S310 - loopback
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


if __name__ == "__main__":
    drain(os.environ, tell=tell_the_app)
