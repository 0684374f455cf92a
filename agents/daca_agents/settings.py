"""What an agent is told from outside, read once: where it runs, and which model thinks for it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from daca_agents.shape import Address, Profile

_HERE = Path(__file__).resolve().parent


def _either(name: str) -> Any:
    """The name everybody uses, or the same with our prefix."""
    return Field(validation_alias=AliasChoices(f"DACA_{name}", name))


class Settings(BaseSettings):
    """Where one agent runs. Environment variables carry the prefix `DACA_`, but for the model's own three."""

    model_config = SettingsConfigDict(env_prefix="DACA_", frozen=True, extra="ignore")

    issuer: Address = "http://localhost:9000"
    """Whose tokens are good here, and the only authorization server that sees this agent's secret."""
    data: Path = Path(".daca")
    """Folder of the embedded state and secrets."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Where to listen, if not where the profile says."""
    resource: Address | None = None
    """This agent's own name, if not the profile's: the one audience it accepts."""
    acts: Literal["caller", "itself"] | None = None
    """In whose name it goes on, if not as the profile says."""
    routes: dict[str, str] = {}
    """Canonical origin → Dapr app-id, beyond those of the profile and the issuer."""
    workload_token_file: Path | None = None
    """A token of the platform that proves this agent, kept fresh in a file; with one there is no secret. RFC 7523."""
    profiles: Path | None = None
    """Folder of the profiles; else those beside this package."""
    allowed_hosts: tuple[str, ...] = ()
    """Host headers accepted beside the resource's own."""
    allowed_origins: tuple[str, ...] = ()
    """Web origins whose pages may ask, beside its own."""
    openai_api_key: Annotated[SecretStr | None, _either("OPENAI_API_KEY")] = None
    openai_base_url: Annotated[str | None, _either("OPENAI_BASE_URL")] = None
    model: Annotated[str | None, _either("MODEL")] = None
    """Any OpenAI-compatible endpoint; with neither key nor address the rehearsed model stands in."""


def profile_path(settings: Settings, name: str) -> Path:
    """Where the profile of that name is: in the folder given, in the wheel, or in the repository."""
    folders = [settings.profiles] if settings.profiles else [_HERE / "profiles", _HERE.parent / "profiles"]
    paths = [folder / f"{name}.yaml" for folder in folders]
    return next((path for path in paths if path.is_file()), paths[-1])


def routes_of(settings: Settings, profile: Profile) -> dict[str, str]:
    """Which app stands at which canonical origin, as far as this agent calls it."""
    called = {place.origin: place.app_id or place.name for place in (*profile.mcp_servers, *profile.peers)}
    return {settings.issuer: "auth-server"} | called | settings.routes
