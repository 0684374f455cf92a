"""The MCP conformance suite's scenarios for authorization servers against ours, on every revision that they have."""

import httpx2
import pytest

from tests.interop.document import Documents
from tests.interop.program import Desk
from tests.interop.visit import go_back
from tests.ports import free_port

pytestmark = [pytest.mark.xdist_group("interop"), pytest.mark.needs("node")]
SUITE = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
REVISIONS = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]


@pytest.mark.requirement("AS-02", "AS-04", "AS-05", "AS-07", "AS-26")
@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("way", ["registration", "document"])
def test_the_conformance_suite_accepts_our_authorization_server(
    revision: str, way: str, desk: Desk, documents: Documents
) -> None:
    back = "http://127.0.0.1/callback"
    known = documents.publish("conformance", back) if way == "document" else register(desk, back)

    report = run(desk, "--client-id", known, "--spec-version", revision)

    assert "authorization-server-metadata-endpoint" in report
    assert "✓ authorization-code-grant: 1 passed, 0 failed" in report


def register(desk: Desk, back: str) -> str:
    described = {"redirect_uris": [back], "application_type": "native", "token_endpoint_auth_method": "none"}
    answer = httpx2.post(f"{desk.town.place.issuer}/register", json=described, trust_env=False)
    assert answer.status_code == 201, answer.text
    return answer.json()["client_id"]


def run(desk: Desk, *arguments: str) -> str:
    """What the suite reports, once it has found nothing wrong."""
    place, report = desk.town.place, ""
    asked = ["authorization", "--url", place.issuer, "--resource", place.resource, "--port", str(free_port())]
    with desk.start(SUITE, *asked, *arguments) as running:
        for line in running.lines():
            report += line
            if line.startswith(f"{place.issuer}/authorize"):
                go_back(desk.visit.allow(line.strip()))
        assert running.running.wait() == 0, report
    assert ", 0 failed" in report, report
    assert "warning" not in report, report
    return report
