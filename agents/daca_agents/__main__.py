"""`python -m daca_agents PROFILE`: one agent as a process."""

import argparse
import asyncio
import os
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
    parser.add_argument(
        "--errand",
        metavar="TEXT",
        help="do this one thing with the agent's own tokens, print the answer and end; status 1 when anything failed",
    )
    told = parser.parse_args()
    try:
        settings = Settings()
        profile = load_profile(profile_path(settings, told.profile))
    except ValidationError as error:
        faults = (f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_url=False))
        _refuse("\n".join(faults))
    except ProfileError as error:
        _refuse(str(error))
    else:
        if told.errand is None:
            _run(settings, profile)
        else:
            _do(settings, profile, told.errand)


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


def _do(settings: Settings, profile: Profile, text: str) -> None:
    from daca_agents.own_work import run_errand  # noqa: PLC0415  see above
    from sidecar.connect import connect  # noqa: PLC0415  see above
    from sidecar.logs import configure_logs  # noqa: PLC0415  see above
    from sidecar.secrets import SecretMissing, SecretsUnavailable  # noqa: PLC0415  see above
    from sidecar.state import StateUnavailable  # noqa: PLC0415  see above

    async def whole() -> tuple[str, list[str]]:
        routes = routes_of(settings, profile)
        async with connect(os.environ, app_id=profile.client_id, data=settings.data, routes=routes) as sidecar:
            return await run_errand(settings, sidecar, profile, text)

    configure_logs(profile.client_id, level=os.environ.get("DACA_LOG_LEVEL", "warning"))
    try:
        answer, failed = asyncio.run(whole())
    except (StateUnavailable, SecretsUnavailable, SecretMissing, ValueError, OSError) as error:
        answer, failed = "", [str(error)]
    if answer:
        sys.stdout.write(f"{answer}\n")
    for why in failed:
        sys.stderr.write(f"{why}\n")
    sys.exit(1 if failed else 0)


def _variable(place: tuple[int | str, ...]) -> str:
    name = str(place[0]).upper()
    return name if name in {"OPENAI_API_KEY", "OPENAI_BASE_URL", "MODEL"} else f"DACA_{name}"


def _refuse(why: str) -> None:
    sys.stderr.write(f"{why}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
