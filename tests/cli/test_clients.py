"""Clients and keys from the command line, in both modes, while the system runs and while it does not."""

import json
from typing import Any

import pytest
from joserfc import jwk

from sidecar.secrets_file import SecretsFile

MODES = [
    pytest.param("embedded"),
    pytest.param("sidecars", marks=pytest.mark.needs("daprd")),
]


@pytest.mark.parametrize("mode", MODES)
def test_clients_added_stopped_and_running_get_tokens_and_outlive_a_restart(world: Any, mode: str) -> None:
    notes = world.urls["notes"]
    before = world.json("client", "add", "early", "--resource", notes, "--scope", "mcp:read", f"--{mode}")
    assert set(before) == {"client_id", "client_secret"}
    assert before["client_id"] == "early"
    with world.up("auth-server", "notes", f"--{mode}"):
        late = world.json("client", "add", "late", "--resource", notes, "--scope", "mcp:read")
        assert len(late["client_secret"]) >= 43
        for client in ("early", "late"):
            assert world.ok("token", notes, "--client", client).count(".") == 2
    listed = {one["client_id"]: one["origin"] for one in world.json("client", "list")}
    assert listed == {
        "editor": "identity.yaml",
        "concierge": "identity.yaml",
        "researcher": "identity.yaml",
        "scribe": "identity.yaml",
        "operator": "identity.yaml",
        "early": "run time",
        "late": "run time",
    }
    with world.up("auth-server", "notes", f"--{mode}"):
        assert world.ok("token", "notes", "--client", "late").count(".") == 2


def test_a_new_secret_works_at_once_and_the_one_before_still_does(running: Any) -> None:
    world, _ = running
    first = world.json("client", "add", "turning", "--resource", "notes", "--scope", "mcp:read")["client_secret"]
    second = world.json("client", "rotate-secret", "turning")["client_secret"]
    assert first != second
    assert world.ok("token", "notes", "--client", "turning")
    assert world.ok("token", "notes", "--client", "turning", DACA_CLIENT_SECRET=first)
    world.json("client", "rotate-secret", "turning")
    assert "invalid_client" in world.refused_soon("token", "notes", "--client", "turning", DACA_CLIENT_SECRET=first)


def test_a_declared_client_can_have_a_new_secret_too_and_the_one_before_still_works(running: Any) -> None:
    world, _ = running
    kept = SecretsFile(world.data / "secrets.json").get("client-operator") or {}
    secrets: list[str] = [kept["secret"]]
    for _ in range(2):
        secrets.append(world.json("client", "rotate-secret", "operator")["client_secret"])
        for secret in secrets[-2:]:
            assert world.ok("token", "notes", "--client", "operator", DACA_CLIENT_SECRET=secret)
    assert world.ok("token", "notes", "--client", "operator"), "the newest is kept where the command looks"
    first = world.refused_soon("token", "notes", "--client", "operator", DACA_CLIENT_SECRET=secrets[0])
    assert "invalid_client" in first


def test_a_disabled_client_gets_no_token_until_it_is_accepted_again(running: Any) -> None:
    world, _ = running
    world.json("client", "add", "guest", "--resource", "clock")
    assert world.json("client", "disable", "guest") == {"client_id": "guest", "disabled": True}
    assert "invalid_client" in world.refused_soon("token", "clock", "--client", "guest")
    world.json("client", "disable", "guest", "--undo")
    assert [one["disabled"] for one in world.json("client", "list") if one["client_id"] == "guest"] == [False]


def test_a_client_with_a_key_of_its_own_has_no_secret(running: Any, tmp_path: Any) -> None:
    world, _ = running
    key = jwk.ECKey.generate_key("P-256", {"kid": "one"})
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    (tmp_path / "key.json").write_text(json.dumps(key.as_dict(private=True)))
    added = world.json(
        *("client", "add", "keyed", "--resource", "notes", "--scope", "mcp:read"),
        *("--auth", "private_key_jwt", "--jwks", str(tmp_path / "jwks.json")),
    )
    assert added == {"client_id": "keyed", "client_secret": None}
    assert world.ok("token", "notes", "--client", "keyed", DACA_CLIENT_KEY=str(tmp_path / "key.json"))
    assert world.ok("token", "notes", "--client", "keyed", DACA_CLIENT_KEY=(tmp_path / "key.json").read_text())


def test_several_values_may_follow_one_option(running: Any) -> None:
    world, _ = running
    notes, clock = world.urls["notes"], world.urls["clock"]
    world.json("client", "add", "both", "--resource", notes, clock, "--scope", "mcp:read", "mcp:write")
    (listed,) = [one for one in world.json("client", "list") if one["client_id"] == "both"]
    assert listed["resources"] == {notes: ["mcp:read", "mcp:write"], clock: ["mcp:read"]}


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("add", "operator", "--resource", "notes"), 1, "already"),
        (("add", "x", "--resource", "http://localhost:1/mcp"), 1, "not a resource of identity.yaml"),
        (("add", "x", "--resource", "clock", "--scope", "mcp:write"), 1, "no named resource has the scope mcp:write"),
        (("add", "x"), 2, "--resource"),
        (("add", "x", "--resource", "notes", "--jwks", "/nowhere"), 2, "/nowhere"),
        (("add", "x", "--resource", "notes", "--auth", "magic"), 2, "magic"),
        (("rotate-secret", "nobody"), 1, "no client 'nobody'"),
        (("disable", "nobody"), 1, "no client 'nobody'"),
        (("invite", "--resource", "notes", "--uses", "0"), 1, "at least one use"),
        (("invite", "--people", "--resource", "notes"), 1, "names no resource"),
        (("invite",), 2, "name at least one resource"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(running: Any, arguments: tuple[str, ...], code: int, why: str) -> None:
    world, _ = running
    assert why in world.refused("client", *arguments, code=code)


def test_keys_rotate_with_overlap_and_tokens_keep_their_worth(running: Any) -> None:
    world, _ = running
    before = {key["kid"]: key["role"] for key in world.json("keys", "list")}
    assert sorted(before.values()) == ["current"] * 3 + ["next"] * 3
    token = world.ok("token", "notes", "--client", "researcher")
    after = {key["kid"] for key in world.json("keys", "rotate")}
    assert set(before) < after, "all that was published stays published; three more wait"
    assert world.daca("verify", "-", stdin=token).returncode == 0


def test_an_invitation_is_good_for_one_registration(running: Any) -> None:
    world, _ = running
    invited = world.json("client", "invite", "--resource", "notes", "--scope", "mcp:read", "--expires-in", "60")
    assert invited["uses"] == 1
    assert len(invited["initial_access_token"]) >= 43
    assert world.json("client", "invite", "--people")["uses"] == 1
