"""In toolsmith's container: run one of the workflows that Dapr makes of an MCPServer, and say what came of it.

usage: workflow.py NAME INPUT
"""

import json
import os
import sys
import time
import urllib.request


def ask(method: str, path: str, body: str | None = None) -> dict[str, str]:
    """One request to this pod's sidecar."""
    url = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0-beta1/workflows/dapr/{path}"
    headers = {"dapr-api-token": os.environ["DAPR_API_TOKEN"], "content-type": "application/json"}
    data = body.encode() if body is not None else None
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


name, given = sys.argv[1:]
started = ask("POST", f"{name}/start", given)["instanceID"]
found = ask("GET", started)
for _ in range(150):
    if found["runtimeStatus"] not in {"PENDING", "RUNNING"}:
        break
    time.sleep(0.2)
    found = ask("GET", started)
sys.stdout.write(json.dumps(found) + "\n")
