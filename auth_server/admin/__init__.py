"""What an operator may do, for the command line: over the same state and secrets as the running servers.

Every change counts on all replicas within seconds. Each function raises StateUnavailable when the store is away.
"""

from auth_server.admin.clients import KnownClient, NewSecret, add_client, disable_client, list_clients, rotate_secret
from auth_server.admin.invitations import Invited, invite
from auth_server.admin.keys import KnownKey, list_keys, rotate_keys
from auth_server.admin.refused import AdminError
from auth_server.admin.users import KnownUser, add_user, disable_user, list_users
from auth_server.identity.lines import IdentityError
from auth_server.identity.load import load_identity
from auth_server.models import Identity
from auth_server.sealing import KEK_SECRET, KeyEncryptionKeyError

__all__ = [
    "KEK_SECRET",
    "AdminError",
    "Identity",
    "IdentityError",
    "Invited",
    "KeyEncryptionKeyError",
    "KnownClient",
    "KnownKey",
    "KnownUser",
    "NewSecret",
    "add_client",
    "add_user",
    "disable_client",
    "disable_user",
    "invite",
    "list_clients",
    "list_keys",
    "list_users",
    "load_identity",
    "rotate_keys",
    "rotate_secret",
]
