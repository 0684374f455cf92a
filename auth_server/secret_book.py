"""The secrets of identity.yaml's clients, as hashes in memory: no secret store is asked on the way to a token."""

from collections.abc import Iterable, Mapping

import structlog

from auth_server.hashing import digest
from auth_server.models import Client
from sidecar.secrets import SecretMissing, Secrets, SecretsUnavailable

_SHORTEST = 16
_VALID = ("secret", "previous")
_LOG: structlog.typing.FilteringBoundLogger = structlog.get_logger("auth_server.secrets")


class SecretBook:
    """Two secrets a client may be valid at once: the keys `secret` and `previous` of its secret."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._hashes: dict[str, tuple[str, ...]] = {}
        self._tried: set[str] = set()

    async def read_all(self, clients: Iterable[Client]) -> None:
        """Read those not read yet; one that is missing is logged and refused, the others work."""
        for client in clients:
            if client.secret_name is not None and client.secret_name not in self._tried:
                await self.read(client.secret_name)

    def hashes(self, client: Client) -> tuple[str, ...]:
        """The hashes of all secrets that are valid for the client now."""
        stored = self._hashes.get(client.secret_name or "", ())
        if not client.retired_hashes:
            return client.secret_hashes + stored
        return (*client.secret_hashes, *(known for known in stored if known not in client.retired_hashes))

    async def read(self, name: str) -> None:
        """Read one secret, now. One that is missing is logged; one that cannot be read counts as it was."""
        self._tried.add(name)
        try:
            self._hashes[name] = _usable(name, await self._secrets.get(name))
        except SecretMissing as missing:
            self._hashes.pop(name, None)
            _LOG.error("a client's secret is missing", secret_name=name, why=str(missing))
        except SecretsUnavailable as away:
            # What was read before still counts; what never was is tried again when it is presented.
            _LOG.error("the secret store does not answer", secret_name=name, why=str(away))


def _usable(name: str, found: Mapping[str, str]) -> tuple[str, ...]:
    """Too short is too easy to guess: 16 characters carry 96 bits at best. RFC 6749 §10.10."""
    values = {key: found[key].strip() for key in _VALID if key in found}
    for key, value in values.items():
        if len(value) < _SHORTEST:
            _LOG.error("a client's secret is too short to be valid", secret_name=name, entry=key, shortest=_SHORTEST)
    return tuple(digest(value) for value in values.values() if len(value) >= _SHORTEST)
