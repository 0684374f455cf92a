"""The resource files as Dapr will read them: filled in without a way out of a value, private, and closed by default."""

import stat
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from sidecar.components import APIS, Access, Resolver, Value, render, render_configuration
from sidecar.daprd import DaprdSpec, app_environ, command, has_sqlite_resolver

COMPONENTS: Final = Path(__file__).resolve().parents[2] / "components"
VALUES: Final[dict[str, Value]] = {
    "secrets_file": "/data/secrets.json",
    "state_file": "/data/state.db",
    "redis_host": "127.0.0.1:6379",
    "redis_password": "",
    "postgres_url": "host=127.0.0.1",
    "state_apps": ["auth-server", "notes", "poet"],
    "secret_apps": ["auth-server", "poet"],
    "publishing": "auth-server=audit;notes=audit",
    "subscribing": "listener=audit",
}


def _metadata(path: Path) -> dict[str, str]:
    return {item["name"]: item["value"] for item in yaml.safe_load(path.read_text())["spec"]["metadata"]}


@pytest.mark.parametrize("variant", ["", "redis", "postgres"])
def test_every_variant_is_one_statestore_for_the_same_apps(tmp_path: Path, variant: str) -> None:
    render(COMPONENTS / variant, tmp_path, VALUES)
    component: dict[str, Any] = yaml.safe_load((tmp_path / "statestore.yaml").read_text())
    assert component["metadata"]["name"] == "statestore"
    assert component["scopes"] == ["auth-server", "notes", "poet"]
    assert all(isinstance(value, str) for value in _metadata(tmp_path / "statestore.yaml").values())


def test_the_local_stores_are_set_up_as_the_code_needs_them(tmp_path: Path) -> None:
    state, secrets = sorted(render(COMPONENTS, tmp_path, VALUES), reverse=True)
    assert _metadata(state)["cleanupInterval"] == "1m"
    assert _metadata(state)["connectionString"] == "/data/state.db"
    assert _metadata(secrets) == {"secretsFile": "/data/secrets.json", "multiValued": "true"}
    assert yaml.safe_load(secrets.read_text())["scopes"] == ["auth-server", "poet"]


@pytest.mark.parametrize("hostile", ['a"\nscopes: []', "a: b # c", "${state_file}", "'", "\\", "{[", "ü"])
def test_a_value_cannot_become_anything_but_a_value(tmp_path: Path, hostile: str) -> None:
    render(COMPONENTS, tmp_path, VALUES | {"state_file": hostile})
    assert _metadata(tmp_path / "statestore.yaml")["connectionString"] == hostile


def test_a_value_that_was_not_given_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="state_file"):
        render(COMPONENTS, tmp_path, {name: value for name, value in VALUES.items() if name != "state_file"})


def test_what_is_written_may_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    target = tmp_path / "resources"
    written = render(COMPONENTS, target, VALUES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert stat.S_IMODE(target.stat().st_mode) == 0o700


@pytest.mark.parametrize("resolver", ["sqlite", "mdns"])
def test_a_configuration_is_closed_but_for_what_it_names(tmp_path: Path, resolver: Resolver) -> None:
    access = Access(apis=("state",), secrets=("client-a",))
    path = render_configuration(
        COMPONENTS / "config", tmp_path / "own" / "a.yaml", access=access, names=tmp_path / "n.db", resolver=resolver
    )
    read: dict[str, Any] = yaml.safe_load(path.read_text())
    assert read["metadata"]["name"] == "daca"
    assert read["spec"]["secrets"]["scopes"] == [
        {"storeName": "secretstore", "defaultAccess": "deny", "allowedSecrets": ["client-a"]}
    ]
    assert {(rule["name"], rule["protocol"]) for rule in read["spec"]["api"]["allowed"]} == {
        ("state", "http"),
        ("state", "grpc"),
    }
    assert read["spec"]["nameResolution"]["component"] == resolver
    assert read["spec"]["tracing"]["samplingRate"] == "0"
    assert read["spec"]["metrics"]["http"]["increasedCardinality"] is False


def test_no_access_at_all_cannot_be_said_because_dapr_would_hear_all() -> None:
    with pytest.raises(ValueError, match="every API"):
        Access(apis=())


def test_only_the_authorization_server_calls_nobody_and_only_mcp_servers_have_no_secrets() -> None:
    assert {kind for kind, apis in APIS.items() if "invoke" not in apis} == {"auth-server"}
    assert {kind for kind, apis in APIS.items() if "secrets" not in apis} == {"mcp"}


def _spec(**changed: Any) -> DaprdSpec:
    given: dict[str, Any] = {
        "app_id": "notes",
        "app_port": 8000,
        "http_port": 1,
        "grpc_port": 2,
        "internal_port": 3,
        "metrics_port": 4,
        "resources": Path("/r"),
        "config": Path("/c"),
        "api_token": "api-sesame",
        "app_token": "app-sesame",
    }
    return DaprdSpec(**(given | changed))


def test_tokens_are_in_the_environment_and_nowhere_else() -> None:
    argv, added = command(Path("daprd"), _spec())
    assert (added["DAPR_API_TOKEN"], added["APP_API_TOKEN"]) == ("api-sesame", "app-sesame")
    assert "sesame" not in " ".join(argv)
    assert "sesame" not in repr(_spec())


@pytest.mark.parametrize("name", ["api_token", "app_token"])
def test_a_sidecar_without_a_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="both API tokens"):
        _spec(**{name: ""})


def test_an_app_is_told_its_own_sidecar() -> None:
    told = app_environ(_spec())
    assert told == {
        "DAPR_HTTP_PORT": "1",
        "DAPR_GRPC_PORT": "2",
        "DAPR_API_TOKEN": "api-sesame",
        "APP_API_TOKEN": "app-sesame",
    }


def test_a_daprd_is_known_by_whether_it_holds_the_sqlite_resolver(tmp_path: Path) -> None:
    stock, ours = tmp_path / "stock", tmp_path / "ours"
    stock.write_bytes(b"\x00nameresolution/mdns.NewResolver\x00")
    ours.write_bytes(b"\x00github.com/dapr/components-contrib/nameresolution/sqlite.NewResolver\x00")
    assert not has_sqlite_resolver(stock)
    assert has_sqlite_resolver(ours)
