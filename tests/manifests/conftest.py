"""Renders each overlay once, as `kubectl apply -k` would."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from tests import kustomized

ROOT = Path(__file__).resolve().parent.parent.parent
Document: TypeAlias = dict[str, Any]
Documents: TypeAlias = tuple[Document, ...]


@functools.cache
def _render(folder: str) -> Documents:
    return tuple(kustomized.render(folder))


@pytest.fixture(scope="session")
def render() -> Callable[[str], Documents]:
    """The documents of a folder under k8s/."""
    return _render


@pytest.fixture(scope="session")
def edges() -> Document:
    """The one table of who may call whom."""
    return yaml.safe_load((ROOT / "k8s" / "edges.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def dapr_schemas() -> Document:
    """The schemas of Dapr's own resources, out of the chart of the version we deploy, by kind and version."""
    return json.loads((Path(__file__).parent / "dapr-1.18.2.json").read_text(encoding="utf-8"))
