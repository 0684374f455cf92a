"""Secrets that nobody has to choose: made on the first run, kept for good, never printed."""

import base64
import secrets

from cli.declared import Declared
from cli.errors import Failure
from cli.settings import Settings
from sidecar.secrets_file import SecretsFile, SecretsFileError


def make_first_secrets(declared: Declared, settings: Settings) -> None:
    """The key-encryption key and a secret for every declared client, unless they exist. Raises Failure."""
    file = SecretsFile(settings.secrets_file)
    try:
        file.ensure("auth-server-kek", lambda: {"kek": _key()})
        for name in declared.secrets.values():
            file.ensure(name, lambda: {"secret": secrets.token_urlsafe(32)})
    except SecretsFileError as error:
        raise Failure(str(error)) from error


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
