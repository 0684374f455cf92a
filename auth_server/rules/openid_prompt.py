"""OpenID Connect Core §3.1.2.1 — prompt and max_age: must somebody sign in anew, must somebody be asked?"""

import re

from auth_server.errors import InvalidRequest
from auth_server.people import Interaction, Session

PROMPTS = ("none", "login", "consent", "select_account")
_SECONDS = re.compile(r"[0-9]{1,9}")


def prompts(prompt: str | None) -> tuple[str, ...]:
    """What the request wants to happen; what is not known is ignored. Raises InvalidRequest."""
    wanted = () if prompt is None else tuple(dict.fromkeys(word for word in prompt.split(" ") if word in PROMPTS))
    if "none" in wanted and len(wanted) > 1:
        raise InvalidRequest("prompt none excludes every other prompt")
    return wanted


def seconds(max_age: str | None) -> int | None:
    """How long ago somebody may have signed in. Raises InvalidRequest."""
    if max_age is None:
        return None
    if not _SECONDS.fullmatch(max_age):
        raise InvalidRequest("max_age is a number of seconds")
    return int(max_age)


def is_fresh(session: Session, interaction: Interaction) -> bool:
    """Whether a sign-in is good enough for a request: it was made for it, or it is one that the request accepts."""
    if session.signed_for == interaction.id:
        return True
    if {"login", "select_account"} & set(interaction.prompt):
        return False
    return interaction.max_age is None or session.auth_time >= interaction.created - interaction.max_age
