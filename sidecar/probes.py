"""The paths by which a node asks each app how it is: every few seconds, so nothing counts or records them."""

from typing import Final

PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Whether it lives, and whether it should be sent requests."""
