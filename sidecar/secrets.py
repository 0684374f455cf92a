"""What every secret store promises: a name gives a few keyed values, or a refusal that says what to do."""

from collections.abc import Mapping
from typing import Protocol


class SecretMissing(Exception):
    """No such secret, or it is empty, or this app may not read it. The message names it and says what to do."""


class SecretsUnavailable(Exception):
    """The secret store did not answer."""


class Secrets(Protocol):
    """Secrets by name. A name is a Kubernetes Secret's; its keys are that Secret's data keys."""

    async def get(self, name: str) -> Mapping[str, str]:
        """All keys of one secret; never empty, no value empty. Raises SecretMissing, SecretsUnavailable."""
        ...
