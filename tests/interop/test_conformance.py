"""The MCP conformance suite, which nobody here wrote, against our clients: a machine's and a person's."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).parent / "conformance_client.py"
PERSON = Path(__file__).parent / "conformance_person.py"

# Left out: the two of 2025-03-26, a revision that nothing here speaks; DPoP and its nonce, which no token here is
# bound by; workload identity and enterprise-managed authorization, which are no person's flows.
EVERY = ("2025-11-25", "2026-07-28")
NEWEST = ("2026-07-28",)
SCENARIOS = {
    **dict.fromkeys(
        (
            *("metadata-default", "metadata-var1", "metadata-var2", "metadata-var3", "basic-cimd"),
            *("scope-from-www-authenticate", "scope-from-scopes-supported", "scope-omitted-when-undefined"),
            *("scope-step-up", "scope-retry-limit", "pre-registration"),
        ),
        EVERY,
    ),
    **dict.fromkeys(
        ("token-endpoint-auth-basic", "token-endpoint-auth-post", "token-endpoint-auth-none"), ("2025-06-18", *EVERY)
    ),
    **dict.fromkeys(
        (
            *("resource-mismatch", "offline-access-scope", "offline-access-not-supported"),
            *("authorization-server-migration", "metadata-issuer-mismatch", "iss-supported", "iss-not-advertised"),
            *("iss-supported-missing", "iss-wrong-issuer", "iss-unexpected", "iss-normalized"),
        ),
        NEWEST,
    ),
}


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


@pytest.mark.needs("node")
@pytest.mark.requirement("CL-14", "CL-19", "CH-06", "CH-12")
@pytest.mark.parametrize(
    ("scenario", "revision"), [(scenario, revision) for scenario, all_of in SCENARIOS.items() for revision in all_of]
)
def test_the_conformance_suite_accepts_our_client_of_a_person(
    scenario: str, revision: str, peers: Path, node: str
) -> None:
    suite = peers / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    asked = ["client", "--scenario", f"auth/{scenario}", "--spec-version", revision]
    run = subprocess.run(
        [node, str(suite), *asked, "--command", shlex.join([sys.executable, str(PERSON)])],
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
