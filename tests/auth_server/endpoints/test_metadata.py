import pytest

from tests.auth_server.world import CLOCK, ISSUER, NOTES, REPORTS, Server, World

OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


@pytest.mark.requirement("AS-01", "AS-02", "AS-04", "AS-05", "AS-06", "AS-46")
@pytest.mark.parametrize("path", [OAUTH, OPENID])
async def test_the_metadata_says_what_exists_and_nothing_else(server: Server, path: str) -> None:
    answer = await server.http.get(path)
    told = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert told["issuer"] == ISSUER
    assert told["token_endpoint"] == f"{ISSUER}/token"
    assert told["response_types_supported"] == ["code"]
    assert told["response_modes_supported"] == ["query"]
    assert told["grant_types_supported"] == ["authorization_code", "refresh_token", "client_credentials"]
    assert told["authorization_endpoint"] == f"{ISSUER}/authorize"
    assert told["authorization_response_iss_parameter_supported"] is True
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["scopes_supported"] == ["mcp:delete", "mcp:read", "mcp:write", "offline_access", "openid", "profile"]
    assert told["protected_resources"] == [NOTES, CLOCK, REPORTS]
    assert told["token_endpoint_auth_methods_supported"][0] == "private_key_jwt"
    assert "client_secret_basic" in told["token_endpoint_auth_methods_supported"]
    assert told["token_endpoint_auth_methods_supported"][-1] == "none"
    assert "none" not in told["introspection_endpoint_auth_methods_supported"]
    assert {"none", "HS256"}.isdisjoint(told["token_endpoint_auth_signing_alg_values_supported"])


@pytest.mark.requirement("AS-06", "AS-12")
async def test_every_endpoint_of_the_metadata_answers(server: Server) -> None:
    told = (await server.http.get(OAUTH)).json()
    for name, url in told.items():
        if name.endswith("_endpoint"):
            assert (await server.http.post(url, data={})).status_code in (400, 401), name
    assert (await server.http.get(told["jwks_uri"])).status_code == 200


@pytest.mark.requirement("AS-03")
async def test_an_issuer_with_a_path_has_its_documents_where_the_rfcs_say(world: World) -> None:
    issuer = "https://as.example/tenant1"
    async with world.server(issuer) as server:
        for path in (f"{OAUTH}/tenant1", f"{OPENID}/tenant1", f"/tenant1{OPENID}"):
            told = (await server.http.get(f"https://as.example{path}")).json()
            assert (told["issuer"], told["jwks_uri"]) == (issuer, f"{issuer}/jwks.json")
        assert (await server.http.get(f"https://as.example{OAUTH}")).status_code == 404
        answer = await server.http.post(f"{issuer}/token", data={"grant_type": "client_credentials"})
        assert answer.status_code == 401


@pytest.mark.requirement("AS-02")
async def test_what_the_request_says_of_itself_changes_no_url(server: Server) -> None:
    lies = {
        "host": "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "forwarded": "host=evil.example",
    }
    assert (await server.http.get(OAUTH, headers=lies)).json() == (await server.http.get(OAUTH)).json()


@pytest.mark.requirement("AS-34", "AS-43")
async def test_the_key_set_holds_public_keys_of_every_algorithm_and_the_next_ones(server: Server) -> None:
    answer = await server.http.get("/jwks.json")
    keys = answer.json()["keys"]
    assert sorted(key["alg"] for key in keys) == ["ES256", "ES256", "EdDSA", "EdDSA", "RS256", "RS256"]
    assert all({"d", "p", "q", "k"}.isdisjoint(key) and key["use"] == "sig" for key in keys)
    assert len({key["kid"] for key in keys}) == 6
    assert answer.headers["cache-control"] == "public, max-age=60"


@pytest.mark.requirement("AS-40")
async def test_any_web_page_may_read_metadata_keys_and_tokens(server: Server) -> None:
    for method, path in (("GET", OAUTH), ("GET", "/jwks.json"), ("POST", "/token")):
        answer = await server.http.request(method, path, headers={"origin": "https://page.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        preflight = await server.http.request("OPTIONS", path, headers={"origin": "https://page.example"})
        assert preflight.status_code == 204
        assert method in preflight.headers["access-control-allow-methods"]
        assert "authorization" in preflight.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in preflight.headers


async def test_head_answers_like_get_without_a_body(server: Server) -> None:
    for path in (OAUTH, "/jwks.json"):
        answer = await server.http.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 100
    assert (await server.http.post(OAUTH)).status_code == 405


@pytest.mark.requirement("AS-40")
async def test_nothing_is_redirected(server: Server) -> None:
    for path in ("/token/", "/jwks.json/", f"{OAUTH}/", "//token", "/TOKEN", "/"):
        assert (await server.http.post(path, data={"grant_type": "client_credentials"})).status_code in (404, 405)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_how_it_is_is_told_without_a_token(server: Server, path: str) -> None:
    answer = await server.http.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
