"""How `daca` proves a client: its secret from this system's store, or what the user brings for a foreign server."""

from dataclasses import dataclass
from pathlib import Path

from cli.declared import read_declared
from cli.errors import Failure, Usage
from cli.settings import Settings
from oauth_client import ClientSecret, PrivateKey
from sidecar.secrets_file import SecretsFile, SecretsFileError


@dataclass(frozen=True, kw_only=True)
class Proven:
    """Credentials, and the one issuer they may be shown to; None when the user brought them for whoever is named."""

    credentials: ClientSecret | PrivateKey
    issuer: str | None


def credentials_of(client_id: str, settings: Settings) -> Proven:
    """What DACA_CLIENT_KEY or DACA_CLIENT_SECRET holds, else the client's secret in the data folder. Raises Failure."""
    if settings.client_key:
        return Proven(credentials=PrivateKey(client_id, key=_key(settings.client_key)), issuer=None)
    if settings.client_secret:
        return Proven(credentials=ClientSecret(client_id, secret=settings.client_secret), issuer=None)
    # A secret of this system is shown to this system's issuer alone, whatever a resource's metadata says.
    return Proven(credentials=ClientSecret(client_id, secret=_stored(client_id, settings)), issuer=settings.issuer)


def keep_secret(client_id: str, secret: str, settings: Settings) -> Path | None:
    """Keep a new secret where `daca token` and agents look, the one before beside it. In a pod: nowhere, and None."""
    if settings.dapr:
        return None
    name = secret_name(client_id, settings)
    file = SecretsFile(settings.secrets_file)
    try:
        before = (file.get(name) or {}).get("secret")
        file.put(name, {"secret": secret, **({"previous": before} if before else {})})
    except SecretsFileError as error:
        raise Failure(f"the secret was made but cannot be kept: {error}") from error
    return file.path


def _stored(client_id: str, settings: Settings) -> str:
    try:
        kept = SecretsFile(settings.secrets_file).get(secret_name(client_id, settings))
    except SecretsFileError as error:
        raise Failure(str(error)) from error
    if not kept or not kept.get("secret"):
        raise Failure(
            f"no secret of client {client_id} in {settings.secrets_file}: `daca client add {client_id} …` makes one, "
            "or set DACA_CLIENT_SECRET or DACA_CLIENT_KEY"
        )
    return kept["secret"]


def secret_name(client_id: str, settings: Settings) -> str:
    """Where a client's secret is kept: identity.yaml may have named a place of its own."""
    try:
        return read_declared(settings.identity).secrets.get(client_id, f"client-{client_id}")
    except Failure:
        return f"client-{client_id}"


def _key(said: str) -> str:
    """The key itself, or the content of the file that was named."""
    if said.lstrip().startswith(("{", "-----BEGIN")):
        return said
    try:
        return Path(said).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        # Not chained and not quoted: it may be a key that was pasted badly.
        raise Usage("DACA_CLIENT_KEY is neither a PEM or JWK key nor a file that can be read") from error
