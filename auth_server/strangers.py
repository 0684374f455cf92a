"""Clients that nobody here declared: known by the document at their URL, or by having registered themselves."""

from dataclasses import dataclass

from auth_server.documents import Documents
from auth_server.models import Client
from auth_server.registrations import Applications, is_registered_id
from auth_server.rules.cimd_client_document import is_url


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """Finds them by their id."""

    documents: Documents
    applications: Applications

    def knows(self, client_id: str) -> bool:
        """Whether an id is of the kind that is looked up here, and nowhere else."""
        return is_url(client_id) or is_registered_id(client_id)

    async def find(self, client_id: str) -> Client | None:
        """The client. Raises InvalidClient: why its document does not count; StateUnavailable."""
        if is_url(client_id):
            return await self.documents.find(client_id)
        return await self.applications.find(client_id)
