"""Every rendered document fits its kind's schema, and says nothing that the schema does not know."""

from collections.abc import Callable
from typing import Any, cast

import jsonschema
import kubernetes_validate
import pytest

FOLDERS = (
    "base",
    "overlays/kind",
    "overlays/kind-secretless",
    "overlays/kind-postgresql",
    "overlays/production",
    "overlays/mcpserver",
)
KUBERNETES = "1.34"
# Kinds of other projects, whose schemas come with their own charts; what is said of them is held in test_policy.py.
FOREIGN = {"external-secrets.io/v1", "gateway.networking.k8s.io/v1", "monitoring.coreos.com/v1"}

Document = dict[str, Any]


def _closed(schema: object) -> object:
    """The same schema, refusing every field that it does not name, as the API server's strict validation does."""
    if isinstance(schema, list):
        return [_closed(part) for part in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in cast("Document", schema).items()}
    if "properties" in closed and not closed.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


def check(document: Document, dapr: Document) -> None:
    """Raise ValidationError where the document and its kind disagree."""
    name = f"{document['kind']} {document['apiVersion']}"
    if document["apiVersion"].startswith("dapr.io/"):
        schema = dapr[name] | {"properties": dapr[name]["properties"] | {"metadata": {}}}
        jsonschema.validate(document, cast("Document", _closed(schema)))
    elif document["apiVersion"] not in FOREIGN:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


@pytest.mark.needs("kubectl")
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_document_fits_the_schema_of_its_kind(
    folder: str, render: Callable[[str], tuple[Document, ...]], dapr_schemas: Document
) -> None:
    documents = render(folder)
    assert len(documents) > 30
    for document in documents:
        check(document, dapr_schemas)


@pytest.mark.needs("kubectl")
@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("Deployment", "replica", 1),
        ("NetworkPolicy", "podSelectr", {}),
        ("Configuration", "accessControls", {}),
        ("Component", "types", "state.redis"),
    ],
)
def test_a_misspelt_field_is_found(
    kind: str, field: str, value: object, render: Callable[[str], tuple[Document, ...]], dapr_schemas: Document
) -> None:
    document = next(document for document in render("base") if document["kind"] == kind)
    with pytest.raises(jsonschema.ValidationError):
        check(document | {"spec": document["spec"] | {field: value}}, dapr_schemas)


@pytest.mark.needs("kubectl")
@pytest.mark.parametrize("folder", FOLDERS)
def test_no_two_documents_are_the_same_object(folder: str, render: Callable[[str], tuple[Document, ...]]) -> None:
    names = [(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in render(folder)]
    assert len(names) == len(set(names))
