"""`python -m mcp_server notes|clock`: one tool server as a process."""

import argparse
import sys
from typing import cast, get_args

from pydantic import ValidationError

from mcp_server.settings import ToolsetName, settings_for

_ENVIRONMENT = """environment:
  DACA_RESOURCE          this server's own name, the audience of its tokens (http://localhost:8000/mcp or :8001/mcp)
  DACA_ISSUER            whose tokens are good here (http://localhost:9000)
  DACA_HOST, DACA_PORT   where to listen (127.0.0.1, 8000 or 8001)
  DACA_DATA              folder of the embedded state (.daca)
  DACA_ROUTES            JSON object: canonical origin -> Dapr app-id
  DACA_ALLOWED_ORIGINS   JSON list of web origins that may call beside its own
  DACA_ALLOWED_HOSTS     JSON list of Host headers accepted beside its own
  DACA_LIST_ALL_TOOLS    list every tool to everybody, so that a client may ask for the scope it lacks (false)
  DACA_CALLS_PER_SECOND  tool calls one caller may keep up, 0 for no limit (200)
"""


def main() -> None:
    """Read the command line and the environment, then serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m mcp_server",
        description="Serve one toolset over MCP, to callers with a token for it.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("toolset", choices=get_args(ToolsetName))
    toolset = cast("ToolsetName", parser.parse_args().toolset)
    try:
        settings = settings_for(toolset)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            sys.stderr.write(f"DACA_{str(problem['loc'][0]).upper()}: {problem['msg']}\n")
        sys.exit(2)
    # The MCP SDK takes its time to load: a wrong setting is told before.
    from mcp_server.app import create_app  # noqa: PLC0415  see above
    from sidecar.process import Process, run  # noqa: PLC0415  see above

    where = Process(
        app_id=toolset,
        host=settings.host,
        port=settings.port,
        data=settings.data,
        routes={settings.issuer: "auth-server"} | settings.routes,
    )
    run(lambda sidecar: create_app(settings, sidecar, toolset), where)


if __name__ == "__main__":
    main()
