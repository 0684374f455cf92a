"""The MCP conformance suite, which nobody here wrote, against our client of the machine path."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).parent / "conformance_client.py"


@pytest.mark.needs("node")
@pytest.mark.requirement("CM-04", "CM-06", "CM-07")
@pytest.mark.parametrize("scenario", ["auth/client-credentials-jwt", "auth/client-credentials-basic"])
def test_the_conformance_suite_accepts_our_machine_client(scenario: str, peers: Path, node: str) -> None:
    suite = peers / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    command = shlex.join([sys.executable, str(DRIVER)])
    run = subprocess.run(
        [node, str(suite), "client", "--scenario", scenario, "--command", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    report = run.stdout + run.stderr
    assert run.returncode == 0, report
    assert "0 failed" in report, report
    assert "0 warnings" in report, report
