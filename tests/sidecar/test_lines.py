"""Lines of a log: none is lost, none out of order, and a busy loop writes them together."""

import asyncio
import io
import json
import subprocess
import sys
import threading

from sidecar.lines import Lines


class _Counted(io.StringIO):
    writes = 0

    def write(self, text: str, /) -> int:
        self.writes += 1
        return super().write(text)


def test_without_a_loop_a_line_is_written_at_once() -> None:
    file = io.StringIO()
    lines = Lines(file)
    lines.msg("one")
    assert file.getvalue() == "one\n"


async def test_the_lines_of_one_turn_of_the_loop_are_one_write_in_their_order() -> None:
    file = _Counted()
    lines = Lines(file)
    for number in range(10):
        lines.info(str(number))
    assert file.getvalue() == ""
    await asyncio.sleep(0)
    assert file.getvalue().split() == [str(number) for number in range(10)]
    assert file.writes == 1


async def test_a_turn_that_makes_very_many_lines_writes_in_between() -> None:
    file = io.StringIO()
    lines = Lines(file)
    for number in range(1000):
        lines.info(str(number))
    assert len(file.getvalue().split()) >= 512
    await asyncio.sleep(0)
    assert len(file.getvalue().split()) == 1000


async def test_lines_of_threads_and_of_the_loop_are_all_there() -> None:
    file = io.StringIO()
    lines = Lines(file)
    threads = [threading.Thread(target=lambda: [lines.msg("t") for _ in range(2000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        lines.msg("l")
        await asyncio.sleep(0)
    for thread in threads:
        thread.join()
    await asyncio.sleep(0)
    lines.flush()
    assert sorted(file.getvalue().split()) == ["l"] * 200 + ["t"] * 8000


_LAST_WORDS = """
import asyncio, sys
from sidecar.logs import configure_logs
import structlog
configure_logs("app")
async def main():
    structlog.get_logger().info("last words")
    sys.exit(3)
asyncio.run(main())
"""


def test_a_process_that_ends_in_the_same_turn_writes_what_waits() -> None:
    ended = subprocess.run([sys.executable, "-c", _LAST_WORDS], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert json.loads(ended.stderr.splitlines()[0])["event"] == "last words"


def test_what_is_no_sound_text_or_number_costs_no_line() -> None:
    program = (
        "import structlog; from sidecar.logs import configure_logs; configure_logs('app');"
        "structlog.get_logger().info('hit', half='\\ud800', huge=1 << 80, odd={1: object})"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    line = json.loads(ended.stderr)
    assert (line["event"], line["half"], line["huge"]) == ("hit", "\ud800", 1 << 80)
