"""Secrets through Dapr's HTTP API."""

from collections.abc import Mapping
from typing import Final, cast
from urllib.parse import quote

import httpx2

from sidecar.secrets import SecretMissing, SecretsUnavailable

_FORBIDDEN: Final = 403
_ABSENT: Final = frozenset({204, 404})


class DaprSecrets:
    """Secrets that the sidecar's Configuration lets this app read. Not cached: the sidecar answers from memory."""

    def __init__(self, http: httpx2.AsyncClient, *, store: str = "secretstore") -> None:
        self._http = http
        self._store = store

    async def get(self, name: str) -> Mapping[str, str]:
        """All keys of one secret. Raises SecretMissing, SecretsUnavailable."""
        try:
            answer = await self._http.get(f"/v1.0/secrets/{self._store}/{quote(name, safe='')}")
        except httpx2.TransportError as error:
            raise SecretsUnavailable(f"the sidecar did not give secret {name!r}: {type(error).__name__}") from error
        if answer.status_code == _FORBIDDEN:
            raise SecretMissing(f"this app may not read secret {name!r}: allow it in its Dapr Configuration")
        if answer.status_code in _ABSENT or _says_not_found(answer):
            raise SecretMissing(f"secret {name!r} is not in {self._store}; a file store is read once, at its start")
        if not answer.is_success:
            raise SecretsUnavailable(f"{self._store} answers {answer.status_code} for secret {name!r}")
        return _checked(name, answer.json())


def _says_not_found(answer: httpx2.Response) -> bool:
    """Dapr has no status of its own for it: the store's error text is all there is."""
    return answer.is_server_error and b"not found" in answer.content


def _checked(name: str, values: object) -> Mapping[str, str]:
    found = cast("dict[str, str]", values) if isinstance(values, dict) else {}
    if not found or not all(found.values()):
        raise SecretMissing(f"secret {name!r} is empty")
    return found
