"""One HTTP request from inside, with nothing but Python: status, and what of the answer is worth knowing.

usage: ask.py METHOD URL [BODY [HEADER=VALUE...]]; `sidecar:/path` asks this pod's sidecar, with its token.
"""

import json
import os
import sys
import urllib.error
import urllib.request

method, url, *rest = sys.argv[1:]
headers = dict(pair.split("=", 1) for pair in rest[1:])
if url.startswith("sidecar:"):
    url = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}{url.removeprefix('sidecar:')}"
    headers.setdefault("dapr-api-token", os.environ["DAPR_API_TOKEN"])
request = urllib.request.Request(url, method=method, data=rest[0].encode() if rest else None, headers=headers)
try:
    answer = urllib.request.urlopen(request, timeout=10)
except urllib.error.HTTPError as refusal:
    answer = refusal
except OSError as error:
    sys.stdout.write(json.dumps({"status": 0, "text": str(error)}) + "\n")
    sys.exit()
text = answer.read(100_000).decode(errors="replace")
sys.stdout.write(json.dumps({"status": answer.status, "text": text, "headers": dict(answer.headers)}) + "\n")
