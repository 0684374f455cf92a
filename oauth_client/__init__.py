"""Fetches tokens for agents and people, from the refusal to the token; a library, usable with any compliant issuer."""

from oauth_client.asking import Asking
from oauth_client.auth import TokenAuth
from oauth_client.backchannel import Backchannel
from oauth_client.browser import Browser
from oauth_client.consent_errors import AccessDenied, ConsentExpired
from oauth_client.credentials import ClientSecret, Credentials, PrivateKey, WorkloadToken
from oauth_client.egress import GuardedTransport
from oauth_client.enterprise import EnterpriseTokens
from oauth_client.errors import (
    AddressRefused,
    AuthorizationRefused,
    BadTokenAnswer,
    CredentialsUnusable,
    DiscoveryFailed,
    InsufficientScope,
    InvalidResource,
    IssuerChanged,
    IssuerMismatch,
    IssuerNotListed,
    LoginRequired,
    MethodNotOffered,
    OAuthClientError,
    RegistrationRefused,
    ResourceMismatch,
    ResponseRejected,
    SubjectEnded,
    TokenRefused,
    TokenRejected,
    Unreachable,
)
from oauth_client.exchange import Delegated, Exchanges
from oauth_client.models import Token, Waiting
from oauth_client.person import PersonTokens
from oauth_client.policy import Policy
from oauth_client.registration import PublicClient
from oauth_client.rules.cimd_client_document import client_document
from oauth_client.source import TokenSource
from oauth_client.tokens import Tokens
from oauth_client.vault import FileVault, Vault

CLIENT_CREDENTIALS_EXTENSION = "io.modelcontextprotocol/oauth-client-credentials"
"""The name under which an MCP client that uses this library advertises the extension, in `extensions`."""

__all__ = [
    "CLIENT_CREDENTIALS_EXTENSION",
    "AccessDenied",
    "AddressRefused",
    "Asking",
    "AuthorizationRefused",
    "Backchannel",
    "BadTokenAnswer",
    "Browser",
    "ClientSecret",
    "ConsentExpired",
    "Credentials",
    "CredentialsUnusable",
    "Delegated",
    "DiscoveryFailed",
    "EnterpriseTokens",
    "Exchanges",
    "FileVault",
    "GuardedTransport",
    "InsufficientScope",
    "InvalidResource",
    "IssuerChanged",
    "IssuerMismatch",
    "IssuerNotListed",
    "LoginRequired",
    "MethodNotOffered",
    "OAuthClientError",
    "PersonTokens",
    "Policy",
    "PrivateKey",
    "PublicClient",
    "RegistrationRefused",
    "ResourceMismatch",
    "ResponseRejected",
    "SubjectEnded",
    "Token",
    "TokenAuth",
    "TokenRefused",
    "TokenRejected",
    "TokenSource",
    "Tokens",
    "Unreachable",
    "Vault",
    "Waiting",
    "WorkloadToken",
    "client_document",
]
