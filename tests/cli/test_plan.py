"""What would run, and with what: pure."""

from pathlib import Path

import pytest
import yaml

from cli.declared import Declared
from cli.errors import Failure, Usage
from cli.plan import environment, make_plan
from cli.profiles import adapted, find_profiles, told_profiles, usual_ports
from cli.settings import Settings, read_settings
from cli.sidecars import access_of, arrange

DECLARED = Declared(
    resources={
        "notes": "http://localhost:18000/mcp",
        "clock": "https://clock.example/mcp",
        "other": "https://o.example",
    },
    secrets={"researcher": "client-researcher", "operator": "kept-elsewhere"},
)


def settings(**environ: str) -> Settings:
    return read_settings(environ, Path("/data"), Path("/identity.yaml"))


def test_an_app_listens_on_the_port_of_its_url_and_behind_tls_on_its_usual_one() -> None:
    plan = make_plan([], DECLARED, settings(DACA_ISSUER="http://localhost:19000"), {})
    assert plan.ports == {"auth-server": 19000, "notes": 18000, "clock": 8001}
    assert plan.of("resource") == {"notes": "http://localhost:18000/mcp", "clock": "https://clock.example/mcp"}
    assert plan.routes["http://localhost:18000"] == "notes"
    assert plan.routes["http://localhost:19000"] == "auth-server"


def test_named_apps_are_all_that_runs() -> None:
    assert list(make_plan(["auth_server"], DECLARED, settings(), {}).ports) == ["auth-server"]
    with pytest.raises(Usage, match="no app other"):
        make_plan(["other"], DECLARED, settings(), {})
    with pytest.raises(Failure, match="no resource named researcher"):
        make_plan(["researcher"], DECLARED, settings(), {"researcher": 8011})


def test_an_agent_is_whoever_has_a_profile_and_a_resource_of_that_name() -> None:
    resources = {"notes": "http://localhost:8000/mcp", "poet": "http://localhost:18013", "critic": "https://c.example"}
    declared = Declared(resources={**resources, "foreign": "http://localhost:4"}, secrets={})
    plan = make_plan([], declared, settings(), {"poet": 8013, "critic": 8014, "unheard-of": 8015, "notes": 9})
    assert plan.of("agent") == {"poet": "http://localhost:18013", "critic": "https://c.example"}
    assert plan.of("resource") == {"notes": "http://localhost:8000/mcp"}
    assert plan.ports == {"auth-server": 9000, "notes": 8000, "poet": 18013, "critic": 8014}
    assert {app.module for app in plan.apps if app.kind == "agent"} == {
        ("daca_agents", "poet"),
        ("daca_agents", "critic"),
    }


def _profile(folder: Path, name: str, **more: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(f"You are {name}.")
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump({"instructions": f"{name}.md", "resource": "http://localhost:1", "port": 1, **more}))
    return file


def test_a_profile_of_this_folder_comes_before_the_one_that_was_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = find_profiles(settings())
    assert "researcher" in shipped
    own = _profile(tmp_path / "agents" / "profiles", "researcher", port=8123)
    poet = _profile(tmp_path / "agents" / "profiles", "poet")
    found = find_profiles(settings())
    assert found == {**shipped, "researcher": own, "poet": poet}
    assert usual_ports(found)["researcher"] == 8123
    named = settings(DACA_PROFILES=str(tmp_path / "agents" / "profiles"))
    assert find_profiles(named) == {"researcher": own, "poet": poet}


def test_agents_of_two_folders_read_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _profile(tmp_path / "agents" / "profiles", "poet", port=2)
    declared = Declared(resources={"poet": "http://localhost:1", "researcher": "http://localhost:18011"}, secrets={})
    here = read_settings({}, tmp_path / "data", tmp_path / "identity.yaml")
    plan = make_plan([], declared, here, usual_ports(find_profiles(here)))
    told = told_profiles(plan, declared, here)
    assert told == {"DACA_PROFILES": str(tmp_path / "data" / "profiles")}
    assert {file.name for file in (tmp_path / "data" / "profiles").iterdir()} == {
        *("poet.yaml", "poet.md", "researcher.yaml", "researcher.md")
    }


def test_a_profile_that_cannot_be_read_is_refused_when_its_agent_is_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _profile(tmp_path / "agents" / "profiles", "poet").write_text("a: [")
    declared = Declared(resources={"poet": "http://localhost:1", "notes": "http://localhost:2/mcp"}, secrets={})
    here = read_settings({}, tmp_path / "data", tmp_path / "identity.yaml")
    ports = usual_ports(find_profiles(here))
    assert told_profiles(make_plan(["notes"], declared, here, ports), declared, here) == {}
    with pytest.raises(Failure, match=r"poet\.yaml cannot be read"):
        told_profiles(make_plan([], declared, here, ports), declared, here)


@pytest.mark.parametrize("url", ["ftp://localhost/mcp", "localhost:8000", "http://localhost:notaport/mcp"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Failure):
        make_plan(["notes"], Declared(resources={"notes": url}, secrets={}), settings(), {})


def test_an_app_is_told_its_own_name_and_never_the_credentials_of_a_call() -> None:
    said = settings(
        DACA_CLIENT_SECRET="s",
        DACA_CLIENT_KEY="k",
        DAPR_API_TOKEN="t",
        DAPR_HTTP_PORT="1",
        APP_API_TOKEN="a",
        KEPT="yes",
    )
    plan = make_plan([], DECLARED, said, {})
    told = environment(plan.apps[1], plan, said)
    assert told["DACA_RESOURCE"] == "http://localhost:18000/mcp"
    assert told["DACA_PORT"] == "18000"
    assert told["KEPT"] == "yes"
    assert not {"DACA_CLIENT_SECRET", "DACA_CLIENT_KEY", "DAPR_API_TOKEN", "DAPR_HTTP_PORT", "APP_API_TOKEN"} & set(
        told
    )
    assert said.dapr == {"DAPR_API_TOKEN": "t", "DAPR_HTTP_PORT": "1"}
    assert "t'" not in repr(said)
    assert "'s'" not in repr(said)


def test_each_app_has_a_port_of_its_own_for_metrics() -> None:
    said = settings(DACA_METRICS_PORT="9100")
    plan = make_plan([], DECLARED, said, {})
    told = [environment(app, plan, said)["DACA_METRICS_PORT"] for app in plan.apps]
    assert told == [str(9100 + at) for at in range(len(plan.apps))]
    wrong = settings(DACA_METRICS_PORT="many")
    assert environment(plan.apps[0], plan, wrong)["DACA_METRICS_PORT"] == "many"


def test_each_sidecar_gives_out_its_own_apps_secrets_only() -> None:
    assert access_of("issuer", "auth-server", DECLARED).secrets == (
        "auth-server-kek",
        "client-researcher",
        "kept-elsewhere",
    )
    assert access_of("agent", "researcher", DECLARED).secrets == ("client-researcher",)
    assert access_of("resource", "notes", DECLARED).secrets == ()
    assert "secrets" not in access_of("resource", "notes", DECLARED).apis


def test_the_stores_name_the_apps_that_use_them(tmp_path: Path) -> None:
    declared = Declared(
        resources={name: f"http://localhost:{at}" for at, name in enumerate(("notes", "clock", "poet"), 18000)},
        secrets={"poet": "client-poet"},
    )
    here = read_settings({}, tmp_path, tmp_path / "identity.yaml")
    (tmp_path / "daprd").write_bytes(b"daprd")
    arrange(make_plan([], declared, here, {"poet": 1}), declared, here, tmp_path / "daprd")
    scopes = {
        file.stem: yaml.safe_load(file.read_text())["scopes"] for file in (tmp_path / "dapr" / "components").iterdir()
    }
    assert scopes["secretstore"] == ["auth-server", "poet"]
    assert scopes["statestore"] == ["auth-server", "notes", "poet"]


def test_a_profile_follows_the_urls_of_the_identity_file() -> None:
    profile = {
        "resource": "http://localhost:8010",
        "mcp_servers": [{"name": "notes", "url": "http://localhost:8000/mcp"}, {"name": "foreign", "url": "u"}],
        "peers": [{"name": "researcher", "url": "http://localhost:8011"}],
    }
    resources = {**DECLARED.resources, "researcher": "http://localhost:18011", "concierge": "http://localhost:18010"}
    told = adapted(profile, "concierge", resources)
    assert [one["url"] for one in told["mcp_servers"]] == ["http://localhost:18000/mcp", "u"]
    assert [one["url"] for one in told["peers"]] == ["http://localhost:18011"]
    assert told["resource"] == "http://localhost:18010"
