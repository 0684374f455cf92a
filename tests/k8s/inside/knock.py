"""In an app's container: many requests to other apps by both sidecars, without any token of ours.

usage: knock.py JSON, a list of [METHOD, APP, PATH]; the finding is the list of answers: status, and some of the text.
"""

import json
import os
import sys
import urllib.error
import urllib.request

BASE = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0/invoke"
HEADERS = {"dapr-api-token": os.environ["DAPR_API_TOKEN"], "content-type": "application/json"}


def knock(method: str, app: str, path: str) -> dict[str, object]:
    """One of them."""
    body = b"{}" if method == "POST" else None
    request = urllib.request.Request(f"{BASE}/{app}/method{path}", data=body, method=method, headers=HEADERS)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return {"status": answer.status, "text": answer.read(400).decode(errors="replace")}
    except urllib.error.HTTPError as refusal:
        return {"status": refusal.code, "text": refusal.read(400).decode(errors="replace")}


found = [knock(*wanted) for wanted in json.loads(sys.argv[1])]
sys.stdout.write(json.dumps(found) + "\n")
