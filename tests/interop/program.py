"""A program that nobody here wrote, and the person whom it sends to a browser."""

import os
import re
import subprocess
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO

from tests.human.town import Town
from tests.interop.visit import Visit, go_back

_COLOUR = re.compile(rb"\x1b\[[0-9;]*m|\x1b\]8;;[^\x1b\x07]*(?:\x1b\\|\x07)")
INSPECTOR = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
PATIENCE = 90  # seconds, for all that a program does


@dataclass(kw_only=True)
class Program:
    """It runs. What it says on the error stream is heard, and the first address to sign in at is visited."""

    running: subprocess.Popen[bytes]
    visit: Visit
    _heard: bytes = b""
    visited: list[str] = field(default_factory=list[str])

    @property
    def heard(self) -> str:
        """All that it has said on its error stream."""
        return self._heard.decode(errors="replace")

    def listen(self) -> None:
        """Until it ends. Every address of the sign-in page is visited once: programs may say it twice."""
        address = re.compile(rb"(" + re.escape(self.visit.place.issuer).encode() + rb"/authorize\?[^\s\"'\x1b]+)\s")
        try:
            while part := os.read(_pipe(self.running.stderr).fileno(), 65536):
                self._heard += part
                for found in address.findall(_COLOUR.sub(b"", self._heard)):
                    if found.decode() not in self.visited:
                        self.visited.append(found.decode())
                        go_back(self.visit.allow(found.decode()))
        except Exception:
            self._heard += traceback.format_exc().encode()
            self.running.kill()
            raise

    def say(self, line: str) -> None:
        """One line to its input."""
        pipe = _pipe(self.running.stdin)
        pipe.write(f"{line}\n".encode())
        pipe.flush()

    def hear(self) -> str:
        """The next line of its output."""
        line = _pipe(self.running.stdout).readline()
        assert line, self.heard
        return line.decode()

    def lines(self) -> Iterator[str]:
        """Its output as it comes, to the end."""
        return (line.decode() for line in _pipe(self.running.stdout))

    def output(self) -> str:
        """All of its output, once it has ended well."""
        said = _pipe(self.running.stdout).read().decode()
        assert self.running.wait(PATIENCE) == 0, self.heard + said
        return said


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


@contextmanager
def program(command: Sequence[str], visit: Visit, home: Path, environ: Mapping[str, str]) -> Generator[Program]:
    """Run it with a home of its own; at the end of the block it is over."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MCP_", "npm_"))}
    # `BROWSER`: what opens a page only has to succeed; the person reads the address.
    env = {**kept, "HOME": str(home), "BROWSER": "true", "NO_COLOR": "1", **environ}
    with subprocess.Popen(
        list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=home
    ) as running:
        found = Program(running=running, visit=visit)
        listener = Thread(target=found.listen)
        listener.start()
        try:
            yield found
        finally:
            running.kill()
            listener.join()


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where programs of `peers` are started, by a person of a town, in a home of their own."""

    node: str
    peers: Path
    town: Town
    visit: Visit
    home: Path

    @contextmanager
    def start(self, script: str, *arguments: str, **environ: str) -> Generator[Program]:
        """A program of Node, until the end of the block."""
        with program([self.node, str(self.peers / script), *arguments], self.visit, self.home, environ) as running:
            yield running
