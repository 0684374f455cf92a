import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from auth_server.identity.lines import IdentityError
from auth_server.identity.live import LiveIdentity
from auth_server.identity.load import load_identity, parse_identity
from auth_server.identity.shape import schema
from tests.auth_server.world import IDENTITY, NOTES, Server, World, error

ROOT = Path(__file__).resolve().parents[3]
SMALL = """\
version: 1
scopes:
  a: { implies: [b] }
resources:
  - name: notes
    uri: https://notes.example/mcp
    scopes: { a: A, b: B }
clients:
  - client_id: one
    token_endpoint_auth_method: client_secret_basic
    secret: client-one
    resources:
      https://notes.example/mcp: [a]
trusted_issuers:
  - issuer: https://idp.example
    jwks_uri: https://idp.example/jwks
"""


def _problems(text: str) -> str:
    with pytest.raises(IdentityError) as refused:
        parse_identity("identity.yaml", text)
    return str(refused.value)


def test_the_sample_at_the_root_is_sound_and_fits_the_published_schema() -> None:
    text = (ROOT / "identity.yaml").read_text(encoding="utf-8")
    assert load_identity(ROOT / "identity.yaml").clients
    jsonschema.validate(yaml.safe_load(text), json.loads(schema()))


def test_the_published_schema_is_the_one_in_use() -> None:
    published = (ROOT / "docs" / "identity.schema.json").read_text(encoding="utf-8")
    assert published == schema(), "write it anew: python -m auth_server.identity"


def test_every_field_is_documented() -> None:
    text = (ROOT / "docs" / "identity.md").read_text(encoding="utf-8")
    definitions: dict[str, Any] = json.loads(schema())["$defs"]
    fields = {name for definition in definitions.values() for name in definition["properties"]}
    assert not [name for name in sorted(fields) if f"`{name}`" not in text]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("version: 1", "version: 2", "1: version: Input should be 1"),
        ("version: 1", "version: 1\nversion: 1", "2: version: is given twice"),
        ("version: 1", "version: 1\nsecrets: x", "2: secrets: is not a field that is known here"),
        ("{ a: A, b: B }", "{ a: A }", "3: scopes.a.implies[0]: no resource has the scope 'b'"),
        (
            "    uri: https://notes.example/mcp",
            "    uri: https://Notes.example/mcp",
            "6: resources[0].uri: must be an absolute URI",
        ),
        ("    uri: https://notes.example/mcp", "    uri: notes", "6: resources[0].uri: String should match"),
        (
            "{ a: A, b: B }",
            "{ a: A, b: B }\n    token_lifetime: 86400",
            "8: resources[0].token_lifetime: Input should be less",
        ),
        (
            "{ a: A, b: B }",
            "{ a: A, b: B }\n    signing_alg: none",
            "8: resources[0].signing_alg: Input should be 'ES256'",
        ),
        (
            "{ a: A, b: B }",
            "{ a: A, b: B }\n    default_scopes: [a, c]",
            "8: resources[0].default_scopes[1]: 'c' is not one of its scopes",
        ),
        ("    secret: client-one\n", "", "10: clients[0].token_endpoint_auth_method: client_secret_basic needs secret"),
        (
            "client_secret_basic",
            "private_key_jwt",
            "10: clients[0].token_endpoint_auth_method: private_key_jwt needs jwks or workload",
        ),
        ("client_secret_basic", "password", "10: clients[0].token_endpoint_auth_method: Input should be"),
        ("client_id: one", "client_id: o/ne", "9: clients[0].client_id: String should match"),
        ("    secret: client-one\n", "    secret: Not A Name\n", "11: clients[0].secret: String should match"),
        ("mcp: [a]", "mcp: [c]", "13: clients[0].resources.https://notes.example/mcp[0]: 'c' is not a scope"),
        (
            "      https://notes.example/mcp: [a]",
            "      https://other.example: [a]",
            "13: clients[0].resources.https://other.example: is not a declared",
        ),
        ("    resources:\n      https://notes.example/mcp: [a]\n", "", "9: clients[0].resources: is required"),
        (
            "trusted_issuers:",
            "default_resource: https://x.example\ntrusted_issuers:",
            "14: default_resource: is not a declared resource",
        ),
        (
            "    secret: client-one",
            "    secret: client-one\n    default_resource: https://x.example",
            "12: clients[0].default_resource: is not one of its resources",
        ),
        ("jwks_uri: https", "jwks_uri: http", "16: trusted_issuers[0].jwks_uri: must be https"),
        ("    jwks_uri: https://idp.example/jwks\n", "", "15: trusted_issuers[0]: needs jwks_uri or jwks"),
        (
            "  - issuer: https://idp.example",
            "  - issuer: https://idp.example\n    replay: maybe",
            "16: trusted_issuers[0].replay: Input should be",
        ),
        ("version: 1", "version: [1", "2: (file): expected"),
    ],
)
def test_a_problem_is_told_with_file_line_and_field(old: str, new: str, problem: str) -> None:
    assert old in SMALL
    assert f"identity.yaml:{problem}" in _problems(SMALL.replace(old, new, 1))


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    lines = _problems(SMALL.replace("[a]", "[x]").replace("{ a: A, b: B }", "{ a: A }")).splitlines()
    assert [line.split(":")[1] for line in lines] == ["3", "13"]


@pytest.mark.parametrize("kind", ["secret", "private"])
def test_a_key_that_is_no_public_one_is_refused(kind: str) -> None:
    key = '{ kty: oct, k: "AAAA" }' if kind == "secret" else '{ kty: EC, crv: P-256, x: "A", y: "A", d: "A" }'
    text = SMALL.replace(
        "client_secret_basic\n    secret: client-one", f"private_key_jwt\n    jwks: {{ keys: [{key}] }}"
    )
    assert "identity.yaml:11: clients[0].jwks.keys[0]: " in _problems(text)


def test_two_clients_cannot_be_one() -> None:
    again = SMALL[SMALL.index("  - client_id: one") : SMALL.index("trusted_issuers")]
    assert "clients[1].client_id: 'one' is declared twice" in _problems(
        SMALL.replace("trusted_issuers", again + "trusted_issuers")
    )


def test_a_workload_stands_for_one_client_and_names_a_trusted_issuer() -> None:
    proof = 'private_key_jwt\n    workload: { issuer: "https://idp.example", subject: x }'
    text = SMALL.replace("client_secret_basic\n    secret: client-one", proof)
    assert parse_identity("x", text).clients["one"].workload
    again = text[text.index("  - client_id: one") : text.index("trusted_issuers")].replace(
        "client_id: one", "client_id: two"
    )
    assert "stands for another client" in _problems(text.replace("trusted_issuers", again + "trusted_issuers", 1))
    assert "is not one of trusted_issuers" in _problems(text.replace("https://idp.example", "https://x.example", 1))


def test_implications_go_through_any_number_of_steps() -> None:
    text = SMALL.replace("{ a: A, b: B }", "{ a: A, b: B, c: C }").replace(
        "{ implies: [b] }", "{ implies: [b] }\n  b: { implies: [c] }\n  c: { implies: [a] }"
    )
    assert parse_identity("x", text).implies["a"] == {"a", "b", "c"}


def test_a_file_that_is_not_there_is_a_problem_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match=r"none.yaml:1: \(file\): cannot be read"):
        load_identity(tmp_path / "none.yaml")


@given(st.text())
def test_any_text_is_an_identity_or_a_problem(text: str) -> None:
    with pytest.raises(IdentityError):
        parse_identity("x", text)


async def test_a_good_change_counts_and_a_bad_one_leaves_the_last_good(server: Server) -> None:
    world = server.world
    world.write_identity(IDENTITY.replace("mcp:write: {", "mcp:wri: {"))
    await server.parts.refresh()
    assert (await server.token(resource=NOTES)).status_code == 200
    world.write_identity(IDENTITY.replace("client_id: researcher", "client_id: renamed"))
    await server.parts.refresh()
    assert error(await server.token(resource=NOTES)) == (401, "invalid_client")
    secret = world.secrets.found["client-researcher"]["secret"]
    assert (await server.token(basic=f"renamed:{secret}", resource=NOTES)).status_code == 200


async def test_a_client_that_is_taken_out_is_refused(server: Server) -> None:
    text = server.world.identity.read_text(encoding="utf-8")
    begin, end = text.index("  - client_id: researcher"), text.index("  - client_id: operator")
    server.world.write_identity(text[:begin] + text[end:])
    await server.parts.refresh()
    assert error(await server.token(resource=NOTES)) == (401, "invalid_client")


def test_a_file_that_vanishes_for_a_moment_leaves_the_last_good(world: World) -> None:
    live = LiveIdentity(world.identity)
    before = live.current
    world.identity.unlink()
    live.refresh()
    assert live.current is before
    world.write_identity()
    live.refresh()
    assert live.current is not before
