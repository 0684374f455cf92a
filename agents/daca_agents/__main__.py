"""`python -m daca_agents PROFILE`: one agent as a process."""

import argparse
import sys
from typing import TYPE_CHECKING

from pydantic import ValidationError

from daca_agents.profile import Profile, ProfileError, load_profile
from daca_agents.settings import Settings, profile_path, routes_of

if TYPE_CHECKING:
    from resource_server import Door
    from sidecar.connect import Sidecar

_ENVIRONMENT = """environment:
  DACA_ISSUER           whose tokens are good here, and who gives this agent its own (http://localhost:9000)
  DACA_RESOURCE         this agent's own name, if not the profile's
  DACA_ACTS             caller or itself: in whose name it goes on, if not as the profile says
  DACA_HOST, DACA_PORT  where to listen (127.0.0.1, the profile's port)
  DACA_DATA             folder of the embedded secrets and state (.daca)
  DACA_WORKLOAD_TOKEN_FILE
                        a file with the platform's token for this agent, in place of a secret
  DACA_PROFILES         folder of the profiles
  DACA_ROUTES           JSON object: canonical origin -> Dapr app-id
  DACA_ALLOWED_ORIGINS  JSON list of web origins that may ask beside its own
  DACA_ALLOWED_HOSTS    JSON list of Host headers accepted beside its own
  OPENAI_API_KEY, OPENAI_BASE_URL, MODEL
                        any OpenAI-compatible endpoint; with neither key nor address the rehearsed model stands in
"""


def main() -> None:
    """Read the command line, the environment and the profile, then serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m daca_agents",
        description="Run one agent from its profile.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("profile", help="the name of a profile, such as researcher")
    name: str = parser.parse_args().profile
    try:
        settings = Settings()
        profile = load_profile(profile_path(settings, name))
    except ValidationError as error:
        faults = (f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_url=False))
        _refuse("\n".join(faults))
    except ProfileError as error:
        _refuse(str(error))
    else:
        _run(settings, profile)


def _run(settings: Settings, profile: Profile) -> None:
    # The agent's SDK takes its time to load: a fault in the profile is told before.
    from daca_agents.app import check_secret, create_app  # noqa: PLC0415  see above
    from sidecar.process import Process, run  # noqa: PLC0415  see above

    async def build(sidecar: "Sidecar") -> "Door":
        if settings.workload_token_file is None:
            await check_secret(sidecar.secrets, profile.client_id)
        return create_app(settings, sidecar, profile)

    where = Process(
        app_id=profile.client_id,
        host=settings.host,
        port=settings.port or profile.port,
        data=settings.data,
        routes=routes_of(settings, profile),
    )
    run(build, where)


def _variable(place: tuple[int | str, ...]) -> str:
    name = str(place[0]).upper()
    return name if name in {"OPENAI_API_KEY", "OPENAI_BASE_URL", "MODEL"} else f"DACA_{name}"


def _refuse(why: str) -> None:
    sys.stderr.write(f"{why}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
