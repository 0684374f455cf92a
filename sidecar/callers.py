"""Which app brought a request: what an app's own sidecar says, since nobody else has the app's token."""

import hmac
from collections.abc import Sequence


class Callers:
    """Tells an app who calls it through the sidecars. Without the app's token (`APP_API_TOKEN`) nobody is believed."""

    def __init__(self, token: str = "") -> None:
        self._token = token.encode()

    def of(self, headers: Sequence[tuple[bytes, bytes]]) -> str | None:
        """`APP-ID.NAMESPACE` of the caller; None when the request came another way, or says two things.

        The caller's own sidecar puts the name in, whatever its app had sent, and mutual TLS lets only sidecars in.
        """
        said = {name: [value for key, value in headers if key == name] for name in _NAMES}
        if any(len(values) != 1 for values in said.values()):
            return None
        token, app_id, namespace = (values[0] for values in said.values())
        if not self._token or not hmac.compare_digest(token, self._token):
            return None
        return f"{app_id.decode('latin-1')}.{namespace.decode('latin-1')}"


_NAMES = (b"dapr-api-token", b"dapr-caller-app-id", b"dapr-caller-namespace")
