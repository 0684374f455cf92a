"""What would run, and with what: pure."""

from pathlib import Path

import pytest

from cli.declared import Declared
from cli.errors import Failure, Usage
from cli.plan import environment, make_plan
from cli.profiles import adapted
from cli.settings import Settings, read_settings
from cli.sidecars import access_of

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
    plan = make_plan([], DECLARED, settings(DACA_ISSUER="http://localhost:19000"))
    assert plan.ports == {"auth-server": 19000, "notes": 18000, "clock": 8001}
    assert plan.of("resource") == {"notes": "http://localhost:18000/mcp", "clock": "https://clock.example/mcp"}
    assert plan.routes["http://localhost:18000"] == "notes"
    assert plan.routes["http://localhost:19000"] == "auth-server"


def test_named_apps_are_all_that_runs() -> None:
    assert list(make_plan(["auth_server"], DECLARED, settings()).ports) == ["auth-server"]
    with pytest.raises(Usage, match="no app other"):
        make_plan(["other"], DECLARED, settings())
    with pytest.raises(Failure, match="no resource named researcher"):
        make_plan(["researcher"], DECLARED, settings())


@pytest.mark.parametrize("url", ["ftp://localhost/mcp", "localhost:8000", "http://localhost:notaport/mcp"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Failure):
        make_plan(["notes"], Declared(resources={"notes": url}, secrets={}), settings())


def test_an_app_is_told_its_own_name_and_never_the_credentials_of_a_call() -> None:
    said = settings(
        DACA_CLIENT_SECRET="s",
        DACA_CLIENT_KEY="k",
        DAPR_API_TOKEN="t",
        DAPR_HTTP_PORT="1",
        APP_API_TOKEN="a",
        KEPT="yes",
    )
    plan = make_plan([], DECLARED, said)
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


def test_each_sidecar_gives_out_its_own_apps_secrets_only() -> None:
    assert access_of("issuer", "auth-server", DECLARED).secrets == (
        "auth-server-kek",
        "client-researcher",
        "kept-elsewhere",
    )
    assert access_of("agent", "researcher", DECLARED).secrets == ("client-researcher",)
    assert access_of("resource", "notes", DECLARED).secrets == ()
    assert "secrets" not in access_of("resource", "notes", DECLARED).apis


def test_a_profile_follows_the_urls_of_the_identity_file() -> None:
    profile = {"mcp_servers": [{"name": "notes", "url": "http://localhost:8000/mcp"}, {"name": "foreign", "url": "u"}]}
    servers = adapted(profile, DECLARED.resources)["mcp_servers"]
    assert [one["url"] for one in servers] == ["http://localhost:18000/mcp", "u"]
