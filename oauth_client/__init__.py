"""Fetches tokens for agents, from the refusal to the token; a library, usable with any compliant issuer."""

from oauth_client.auth import TokenAuth
from oauth_client.credentials import ClientSecret, Credentials, PrivateKey, WorkloadToken
from oauth_client.egress import GuardedTransport
from oauth_client.errors import (
    AddressRefused,
    BadTokenAnswer,
    CredentialsUnusable,
    DiscoveryFailed,
    InsufficientScope,
    InvalidResource,
    IssuerChanged,
    IssuerMismatch,
    IssuerNotListed,
    MethodNotOffered,
    OAuthClientError,
    ResourceMismatch,
    TokenRefused,
    TokenRejected,
    Unreachable,
)
from oauth_client.models import Token
from oauth_client.policy import Policy
from oauth_client.tokens import Tokens

CLIENT_CREDENTIALS_EXTENSION = "io.modelcontextprotocol/oauth-client-credentials"
"""The name under which an MCP client that uses this library advertises the extension, in `extensions`."""

__all__ = [
    "CLIENT_CREDENTIALS_EXTENSION",
    "AddressRefused",
    "BadTokenAnswer",
    "ClientSecret",
    "Credentials",
    "CredentialsUnusable",
    "DiscoveryFailed",
    "GuardedTransport",
    "InsufficientScope",
    "InvalidResource",
    "IssuerChanged",
    "IssuerMismatch",
    "IssuerNotListed",
    "MethodNotOffered",
    "OAuthClientError",
    "Policy",
    "PrivateKey",
    "ResourceMismatch",
    "Token",
    "TokenAuth",
    "TokenRefused",
    "TokenRejected",
    "Tokens",
    "Unreachable",
    "WorkloadToken",
]
