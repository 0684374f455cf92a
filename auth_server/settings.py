"""One frozen Settings, read once from the environment (DACA_…); refuses to start with an unsafe value."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from auth_server.proxies import networks
from auth_server.rules.rfc8414_metadata import check_issuer


class Settings(BaseSettings):
    """How this authorization server runs."""

    model_config = SettingsConfigDict(env_prefix="DACA_", frozen=True, extra="ignore")

    issuer: str = Field(default="http://localhost:9000", description="The issuer identifier; no slash at its end.")
    allow_http: bool = Field(default=False, description="Accept a plain http issuer off loopback: tests alone.")
    data: Path = Field(default=Path(".daca"), description="The folder of state and secrets when there is no sidecar.")
    identity: Path = Field(default=Path("identity.yaml"), description="Resources, clients and trusted issuers.")
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=9000, ge=1, le=65535, description="The port to listen on.")
    routes: dict[str, str] = Field(default={}, description="Canonical origin to app-id, as JSON.")
    registration: Literal["open", "invited"] = Field(
        default="open", description="Whether a client for people registers itself, or needs an initial access token."
    )
    fetch_loopback: bool = Field(
        default=False, description="Fetch client metadata documents from this machine too, also by http: development."
    )
    trusted_proxies: list[str] = Field(
        default=[], description="Networks whose X-Forwarded-For counts, as JSON; without them nobody's does."
    )
    poll_seconds: float = Field(default=5.0, gt=0, le=60, description="How soon changes by others count here.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_issuer(self.issuer, allow_http=self.allow_http)
        networks(self.trusted_proxies)
        return self
