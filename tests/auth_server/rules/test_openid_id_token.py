from auth_server.rules.openid_id_token import at_hash


def test_the_example_of_the_specification_holds() -> None:
    """OpenID Connect Core, appendix A.3."""
    token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    assert at_hash(token) == "77QmUPtjPfzWtF2AnpK9RQ"
