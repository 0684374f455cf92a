import json
import subprocess
import sys

import structlog

from sidecar.logs import sentence

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAID = {
    "outcome": "called",
    "subject": 'u-"grace"\n',
    "reason": "Authorization: Bearer sesame-sesame",
    "client_secret": "sesame",
}

_TWICE = """
import sys
import structlog
from sidecar.logs import configure_logs, sentence

said, trace, level = eval(sys.argv[1]), sys.argv[2], sys.argv[3]
configure_logs("a\\"pp", level=level)
sentence("tool", said)(trace)
structlog.get_logger().info("tool", **said, **({"trace_id": trace} if trace else {}))
"""


def _written(said: dict[str, str], trace: str = "", level: str = "info") -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _TWICE, repr(said), trace, level], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stderr.splitlines()


def test_a_sentence_is_written_as_structlog_writes_it_with_its_credentials_hidden() -> None:
    for trace in ("", TRACE):
        own, usual = (json.loads(line) for line in _written(SAID, trace))
        assert own.pop("timestamp") <= usual.pop("timestamp")
        assert list(own.items()) == list(usual.items())
        assert "sesame" not in str(own)
        assert own.get("trace_id", "") == trace


def test_what_orjson_cannot_write_does_not_cost_the_line() -> None:
    own, usual = (json.loads(line) for line in _written({"subject": "\ud800"}, TRACE))
    assert own["subject"] == usual["subject"] == "\ud800"
    assert own["trace_id"] == TRACE


def test_nothing_is_written_where_decisions_are_not_asked_for() -> None:
    assert _written(SAID, level="warning") == []


def test_a_sentence_follows_structlog_until_this_process_has_a_log_of_its_own() -> None:
    with structlog.testing.capture_logs() as logs:
        say = sentence("tool", {"outcome": "called"})
        say("")
        say(TRACE)
    first = {"outcome": "called", "event": "tool", "log_level": "info"}
    assert logs == [first, {**first, "trace_id": TRACE}]
