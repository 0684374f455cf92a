"""Makes a new agent: everything is checked before anything is written, and all of it is written or none."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import yaml

from auth_server.admin import IdentityError, load_identity
from cli.agent_files import ASK, Draft
from cli.errors import Failure
from cli.insertion import append
from cli.settings import Settings
from daca_agents import ProfileError, load_profile
from sidecar.secrets_file import SecretsFile, SecretsFileError


@dataclass(frozen=True, kw_only=True)
class Recruited:
    """What was made."""

    profile: Path
    instructions: Path
    identity: Path
    asked_by: tuple[str, ...]


def recruit(draft: Draft, folder: Path, asked_by: Sequence[str], settings: Settings) -> Recruited:
    """Write profile, instructions, resource, client and secret. Raises Failure."""
    made = Recruited(
        profile=folder / f"{draft.name}.yaml",
        instructions=folder / f"{draft.name}.md",
        identity=settings.identity,
        asked_by=tuple(asked_by),
    )
    try:
        with _alone(settings.identity.parent):
            text = _declared(draft, asked_by, settings.identity)
            _check_identity(text)
            _check_profile(draft)
            folder.mkdir(parents=True, exist_ok=True)
            _write(made, draft, text)
    except OSError as error:
        raise Failure(f"cannot write {error.filename or folder}: {error.strerror}") from error
    _make_secret(draft, settings)
    return made


def _declared(draft: Draft, asked_by: Sequence[str], identity: Path) -> str:
    """The identity file with the agent in it, and with those who may ask it."""
    with identity.open(encoding="utf-8", newline="") as file:
        text = file.read()
    text = append(append(text, ["resources"], draft.resource), ["clients"], draft.client)
    for client_id in asked_by:
        clients = cast("list[dict[str, Any]]", yaml.safe_load(text)["clients"])
        at = next(index for index, one in enumerate(clients) if one["client_id"] == client_id)
        text = append(text, ["clients", at, "resources"], {draft.url: [ASK]})
    return text


def _check_identity(text: str) -> None:
    """As the authorization server will read it."""
    with TemporaryDirectory(prefix="daca-") as folder:
        file = Path(folder) / "identity.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            load_identity(file)
        except IdentityError as error:
            raise Failure(f"identity.yaml would not be valid with it: {error}".replace(f"{folder}/", "")) from error


def _check_profile(draft: Draft) -> None:
    """As the agent will read it."""
    with TemporaryDirectory(prefix="daca-") as folder:
        file = Path(folder) / f"{draft.name}.yaml"
        file.write_text(draft.profile, encoding="utf-8")
        file.with_suffix(".md").write_text(draft.instructions, encoding="utf-8")
        try:
            load_profile(file)
        except ProfileError as error:
            raise Failure(f"the profile would not be valid: {error}".replace(f"{folder}/", "")) from error


def _write(made: Recruited, draft: Draft, identity: str) -> None:
    """The identity file last: until then nothing knows of the agent, and what was written is taken back."""
    written: list[Path] = []
    part = made.identity.with_name(f".{made.identity.name}.part")
    try:
        for file, text in ((made.profile, draft.profile), (made.instructions, draft.instructions)):
            with file.open("x", encoding="utf-8") as opened:
                written.append(file)
                opened.write(text)
        with part.open("w", encoding="utf-8", newline="") as opened:
            written.append(part)
            opened.write(identity)
        shutil.copymode(made.identity, part)
        part.replace(made.identity)
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """One at a time: two that read the same file would write only one of two agents."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _make_secret(draft: Draft, settings: Settings) -> None:
    """At once, so that a running system accepts it; in a pod secrets are somebody else's."""
    if settings.dapr:
        return
    try:
        SecretsFile(settings.secrets_file).ensure(f"client-{draft.name}", lambda: {"secret": secrets.token_urlsafe(32)})
    except SecretsFileError as error:
        raise Failure(f"the agent was made, its secret was not: {error}; `daca up` makes it") from error
