"""`daca verify`: real tokens, and what their holders might make of them."""

import base64
import json
from typing import Any

from cli.story.refusals import tampered


def test_a_good_token_is_explained_claim_by_claim(running: Any) -> None:
    world, _ = running
    token = world.ok("token", "notes", "--client", "operator").strip()
    done = world.daca("verify", "-", "--resource", "notes", stdin=f"{token}\n")
    assert done.returncode == 0
    assert "✗" not in done.stdout
    for name in ("typ", "alg", "signature", "iss", "aud", "sub", "client_id", "scope", "exp", "jti"):
        assert f"✓ {name}" in done.stdout
    assert token not in done.stdout


def test_as_json_every_check_has_its_verdict(running: Any) -> None:
    world, _ = running
    token = world.ok("token", "clock", "--client", "operator").strip()
    told = world.json("verify", token, "--resource", world.urls["clock"])
    assert told["good"] is True
    assert told["claims"]["aud"] == world.urls["clock"]
    assert {check["name"]: check["ok"] for check in told["checks"]}["signature"] is True


def test_the_wrong_audience_a_forged_claim_and_another_issuer_are_each_found(running: Any) -> None:
    world, _ = running
    token = world.ok("token", "notes", "--client", "operator").strip()
    assert world.refused("verify", token, "--resource", "clock").endswith("not good: aud")
    assert world.refused("verify", tampered(token)).endswith("not good: signature")
    elsewhere = world.refused("verify", token, "--issuer", "http://localhost:9")
    assert "http://localhost:9" in elsewhere


def test_a_token_without_a_signature_is_never_good(running: Any) -> None:
    world, _ = running
    _, claims, _ = world.ok("token", "notes", "--client", "operator").strip().split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt"}).encode()).decode().rstrip("=")
    said = world.refused("verify", f"{header}.{claims}.")
    assert "alg" in said
    assert "signature" in said


def test_what_is_no_token_is_wrong_usage(running: Any) -> None:
    world, _ = running
    for text in ("nonsense", "a.b.c", "e30.W10.x", ""):
        assert "not a JWT" in world.refused("verify", "-", stdin=text, code=2)
