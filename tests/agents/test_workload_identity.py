"""An agent whose platform gives it an identity needs no secret."""

from pathlib import Path

import pytest

from daca_agents.app import credentials_of
from daca_agents.settings import Settings
from oauth_client import ClientSecret, WorkloadToken
from sidecar.embedded import FileSecrets


def test_a_token_file_is_the_proof_where_there_is_one(tmp_path: Path) -> None:
    settings = Settings(workload_token_file=tmp_path / "token")
    assert isinstance(credentials_of(settings, FileSecrets(tmp_path / "none.json"), "researcher"), WorkloadToken)


def test_the_secret_is_the_proof_elsewhere(tmp_path: Path) -> None:
    proof = credentials_of(Settings(), FileSecrets(tmp_path / "none.json"), "researcher")
    assert isinstance(proof, ClientSecret)


def test_the_file_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DACA_WORKLOAD_TOKEN_FILE", str(tmp_path / "token"))
    assert Settings().workload_token_file == tmp_path / "token"
