"""What the conformance suite starts: `daca call`, with the credentials that the scenario hands over."""

import json
import os
import sys
from pathlib import Path

context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
for given, ours in (("client_secret", "DACA_CLIENT_SECRET"), ("private_key_pem", "DACA_CLIENT_KEY")):
    if given in context:
        os.environ[ours] = context[given]
protocol = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "2025-11-25")
asked = ["call", sys.argv[-1], "--client", context["client_id"], "--protocol", protocol]
daca = str(Path(sys.executable).with_name("daca"))
os.execv(daca, [daca, *asked])
