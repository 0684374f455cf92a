"""Makes, inside the cluster, every secret of this overlay that is not there yet; existing ones stay as they are.

None of them is ever in git, on a disk or in a manifest. To rotate one, delete it and run the Job again, or see
docs/operations.md for the way without an outage.
"""

import base64
import json
import os
import secrets
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CONFLICT = 409


def wanted(clients: list[str], apps: list[str]) -> dict[str, dict[str, str]]:
    """Every secret by name, with fresh values."""
    store = secrets.token_urlsafe(32)
    return {
        "auth-server-kek": {"kek": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")},
        "redis": {
            "redis.conf": f"dir /data\nappendonly yes\nrequirepass {store}\n",
            "password": store,
        },
        **{f"client-{client}": {"secret": secrets.token_urlsafe(32)} for client in clients},
        **{f"{app}-sidecar": {"token": secrets.token_urlsafe(32)} for app in apps},
        **{f"{app}-app": {"token": secrets.token_urlsafe(32)} for app in apps},
    }


class Api:
    """The API server, as this pod's own account."""

    def __init__(self) -> None:
        namespace = (ACCOUNT / "namespace").read_text()
        self._url = f"https://kubernetes.default.svc/api/v1/namespaces/{namespace}/secrets"
        self._trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))

    def create(self, name: str, values: dict[str, str]) -> bool:
        """True when it was made, False when it was there."""
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}
        try:
            self._send("", json.dumps(body).encode())
        except urllib.error.HTTPError as refusal:
            if refusal.code == CONFLICT:
                return False
            raise
        return True

    def password(self) -> str:
        """The store's password as it is now."""
        return base64.b64decode(self._send("/redis", None)["data"]["password"]).decode()

    def _send(self, path: str, body: bytes | None) -> dict[str, dict[str, str]]:
        headers = {"authorization": f"Bearer {(ACCOUNT / 'token').read_text()}", "content-type": "application/json"}
        request = urllib.request.Request(self._url + path, data=body, headers=headers)  # noqa: S310 - https, fixed host
        with urllib.request.urlopen(request, context=self._trust, timeout=10) as answer:  # noqa: S310 - the same
            return json.load(answer)


def main() -> None:
    """Make what is missing, and name what was made."""
    api = Api()
    made = [n for n, v in wanted(os.environ["CLIENTS"].split(), os.environ["APPS"].split()).items() if api.create(n, v)]
    password = {"password": api.password()}
    made += [name for name in ("statestore", "events") if api.create(name, password)]
    sys.stdout.write(f"made {len(made)} secrets: {' '.join(made)}\n")


if __name__ == "__main__":
    main()
