import pytest

from auth_server.models import Grant, Resource
from auth_server.rules.rfc9068_access_token import claims_of, machine_subject


@pytest.mark.requirement("AS-34")
def test_a_token_has_every_claim_and_one_audience() -> None:
    resource = Resource(name="notes", uri="https://notes.example/mcp", scopes={"a": "", "b": ""}, token_lifetime=60)
    grant = Grant(client_id="c", subject="client:c", resource=resource, scopes=("a", "b"))
    assert claims_of(grant, issuer="https://as.example", now=100, jti="id") == {
        "iss": "https://as.example",
        "aud": "https://notes.example/mcp",
        "sub": "client:c",
        "client_id": "c",
        "scope": "a b",
        "iat": 100,
        "exp": 160,
        "jti": "id",
    }


@pytest.mark.requirement("AS-50")
def test_a_machines_subject_is_told_from_a_persons_by_its_prefix() -> None:
    assert machine_subject("researcher") == "client:researcher"
