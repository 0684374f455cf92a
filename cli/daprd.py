"""Finds the Dapr sidecar on this machine, and says why when there is none."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.errors import Failure
from cli.settings import Mode

_HOW = "`make daprd` brings it"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How a system runs, why so, and with which daprd."""

    mode: Mode
    reason: str
    daprd: Path | None = None


def choose(asked: Mode | None, environ: Mapping[str, str]) -> Choice:
    """The mode that was asked for, else sidecars when a usable daprd is here. Raises Failure when asked in vain."""
    if asked == "embedded":
        return Choice(mode="embedded", reason="as asked")
    found = _find(environ)
    if isinstance(found, str):
        if asked == "sidecars":
            raise Failure(f"no sidecars: {found}; {_HOW}, or use --embedded")
        return Choice(mode="embedded", reason=f"{found} ({_HOW})")
    return Choice(mode="sidecars", reason=f"{found} {_version(found)}", daprd=found)


def _find(environ: Mapping[str, str]) -> Path | str:
    """The first daprd that runs, or the reason why there is none."""
    reason = "daprd is not in ./bin, on PATH or in ~/.dapr/bin"
    for candidate in _candidates(environ):
        if _version(candidate):
            return candidate
        reason = f"{candidate} does not run"
    return reason


def _candidates(environ: Mapping[str, str]) -> list[Path]:
    on_path = shutil.which("daprd", path=environ.get("PATH"))
    home = Path(environ.get("HOME", "~")).expanduser() / ".dapr" / "bin" / "daprd"
    places = [Path("bin/daprd").resolve(), *([Path(on_path)] if on_path else []), home]
    return [place for place in places if place.is_file()]


def _version(daprd: Path) -> str:
    try:
        answer = subprocess.run([daprd, "--version"], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603  the user's own
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
