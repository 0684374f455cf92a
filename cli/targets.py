"""What a resource is called on the command line: its URI, or its name in identity.yaml."""

from cli.declared import read_declared
from cli.errors import Usage
from cli.settings import Settings


def resolve(said: str, settings: Settings) -> str:
    """The URI, byte for byte as it was said, or as identity.yaml has it for a name. Raises Usage, Failure."""
    if "://" in said:
        return said
    resources = read_declared(settings.identity).resources
    if said not in resources:
        raise Usage(f"there is no resource named {said}: give a URL, or one of {', '.join(resources)}")
    return resources[said]
