"""Clients made at run time, over any key-value state; an index of ids, for no store can list keys."""

from collections.abc import Callable, Mapping
from typing import cast

from pydantic import TypeAdapter

from auth_server.models import Client, Overlay
from auth_server.store.changing import write_changed
from sidecar.state import Json, State

_CLIENT = TypeAdapter(Client)
_OVERLAYS = TypeAdapter(dict[str, Overlay])
_INDEX = "clients"
_OVERLAY = "client-overlays"


class ClientRecords:
    """See `contract.Clients`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def find(self, client_id: str) -> Client | None:
        """One read."""
        entry = await self._state.get(_key(client_id))
        return None if entry is None else _CLIENT.validate_python(entry.value)

    async def add(self, client: Client) -> bool:
        """Indexed first: a listed id without a client is harmless, a client that is not listed is lost to sight."""
        await write_changed(self._state, _INDEX, lambda ids: _with(ids, client.client_id), absent=[])
        return await self._state.insert(_key(client.client_id), _json(client))

    async def change(self, client_id: str, change: Callable[[Client], Client]) -> Client | None:
        """Compare-and-set until it holds."""

        def apply(value: Json) -> Json:
            return None if value is None else _json(change(_CLIENT.validate_python(value)))

        written = await write_changed(self._state, _key(client_id), apply)
        return None if written is None else _CLIENT.validate_python(written)

    async def ids(self) -> tuple[str, ...]:
        """One read."""
        entry = await self._state.get(_INDEX)
        return () if entry is None else tuple(cast("list[str]", entry.value))

    async def overlays(self) -> Mapping[str, Overlay]:
        """One record for all, so that each replica can poll it with one read."""
        entry = await self._state.get(_OVERLAY)
        return {} if entry is None else _OVERLAYS.validate_python(entry.value)

    async def change_overlay(self, client_id: str, change: Callable[[Overlay], Overlay]) -> Overlay:
        """Compare-and-set until it holds."""

        def apply(value: Json) -> Json:
            overlays = _OVERLAYS.validate_python(value)
            overlays[client_id] = change(overlays.get(client_id, Overlay()))
            return cast("Json", _OVERLAYS.dump_python(overlays, mode="json"))

        written = await write_changed(self._state, _OVERLAY, apply, absent={})
        return _OVERLAYS.validate_python(written)[client_id]


def _key(client_id: str) -> str:
    return f"client-{client_id}"


def _json(client: Client) -> Json:
    return cast("Json", _CLIENT.dump_python(client, mode="json"))


def _with(ids: Json, client_id: str) -> Json:
    listed = cast("list[str]", ids)
    return [*listed, client_id] if client_id not in listed else listed
