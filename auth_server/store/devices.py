"""Which browsers a person signed in with before, over any key-value state."""

from sidecar.state import State

LIFETIME = 365 * 86_400


class DeviceRecords:
    """See `contract.Devices`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def is_known(self, device_hash: str, name_hash: str) -> bool:
        """One read."""
        return await self._state.get(_key(device_hash, name_hash)) is not None

    async def remember(self, device_hash: str, name_hash: str) -> None:
        """One write; the last says the same as the first."""
        await self._state.put(_key(device_hash, name_hash), value=True, ttl=LIFETIME)


def _key(device_hash: str, name_hash: str) -> str:
    return f"device-{device_hash}-{name_hash}"
