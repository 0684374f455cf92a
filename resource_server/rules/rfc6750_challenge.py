"""RFC 6750 — the WWW-Authenticate header of a refusal, with RFC 9728's pointer to the metadata."""

import re
from collections.abc import Sequence

_NOT_QDTEXT = re.compile(r"[^\x20-\x7e]")


def challenge_of(*, metadata_url: str, scopes: Sequence[str], error: str = "", description: str = "") -> bytes:
    """Say what is wrong and how to do better. §3, RFC 9728 §5.1.

    `error` stays out when no token was sent (§3.1). No parameter appears twice.
    """
    parameters: list[tuple[str, str]] = []
    if error:
        parameters += [("error", error), ("error_description", description)]
    parameters.append(("resource_metadata", metadata_url))
    if scopes:
        parameters.append(("scope", " ".join(scopes)))
    return ("Bearer " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters)).encode("ascii")


def quoted(value: str) -> str:
    r"""Quote a parameter so that it can neither end early nor start a new header. RFC 9110 §5.6.4.

    §3 allows neither `"` nor `\` in `error_description` and `scope`, so both become `'`.
    """
    return '"' + _NOT_QDTEXT.sub("?", value.replace("\\", "'").replace('"', "'")) + '"'
